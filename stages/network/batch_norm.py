"""Keras' batch norm as one fused operation of TensorFlow."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf


def fuse_batch_norm(network: keras.Model) -> None:
    """Make batch norm of feature maps train with TensorFlow's fused operation, on one CPU.

    The formula is that of Keras. The bits differ, because sums are added in another order. In
    Keras' graph, five forward and a dozen backward operations read a whole map; here one does. A
    frozen layer and inference do not change, and the model file does not store the change.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.input_spec.ndim == 4:
            layer.call = functools.partial(_call, layer)


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Compute `BatchNormalization.call`; in training, with one operation."""
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
