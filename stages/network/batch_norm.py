"""Keras' batch norm, as the one operation that TensorFlow has for it."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf


def fuse_batch_norm(network: keras.Model) -> None:
    """Have batch norm of feature maps train by TensorFlow's fused operation, on one CPU.

    The formula is Keras' own; the bits are not, for sums are added in another order. In Keras'
    graph five operations forward and a dozen backward go through a whole map, here one does.
    Frozen and in inference a layer runs as ever; the file of the network does not tell of it.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.input_spec.ndim == 4:
            layer.call = functools.partial(_call, layer)


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Do what `BatchNormalization.call` does, in training at once."""
    if not training or not layer.trainable:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    fused = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=layer.gamma,
        offset=layer.beta,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    for moving, of_batch in (
        (layer.moving_mean, fused.batch_mean),
        (layer.moving_variance, fused.reserve_space_2),  # biased, on a CPU; `batch_variance` is not
    ):
        moving.assign(moving * layer.momentum + of_batch * (1.0 - layer.momentum))
    return fused.y
