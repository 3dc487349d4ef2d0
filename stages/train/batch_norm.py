"""Keras' batch norm, as the one operation that TensorFlow has for it."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf


def fuse_batch_norm(network: keras.Model, *, wanted: bool) -> None:
    """Have batch norm of feature maps train by TensorFlow's fused operation, or as Keras has it.

    The formula is Keras' own, with the biased variance in the moving average, too; the bits are
    not, for sums are added in another order. Keras writes some ten operations forward and as many
    backward, each of which goes through memory once; the fused one is read and written as a whole.
    For one CPU: on a GPU the fused operation's moving variance is another one, and devices that
    share a batch have to sum up together.

    Frozen and in inference a layer runs as ever. It is False where a network is written.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.input_spec.ndim == 4:
            vars(layer).pop("call", None)
            if wanted:
                layer.call = functools.partial(_call, layer)


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Do what `BatchNormalization.call` does, in training at once."""
    if not training or not layer.trainable:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    outputs, mean, _, _, variance, _ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=layer.gamma,
        offset=layer.beta,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    for moving, of_batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + of_batch * (1.0 - layer.momentum))
    return outputs
