"""Compute Grad-CAM: which regions of an image raise the score for ALL. Imports TensorFlow.

Selvaraju et al. 2017 (arXiv 1610.02391): each map of the last convolution is weighted by the mean
gradient of the score over it. The weighted maps are summed, and negative values are set to 0.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.network.portable import log

BATCH_SIZE = 8

Images = np.ndarray[Any, np.dtype[np.uint8]]
Maps = np.ndarray[Any, np.dtype[np.float32]]

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_ALL, _HEM = CLASS_NAMES.index("all"), CLASS_NAMES.index("hem")


def heat_maps(model: keras.Model, images: Images) -> Maps:
    """Return a Grad-CAM map for ALL of each image.

    The score is log p(ALL) − log p(HEM), which does not saturate if the model is certain.

    Args:
        model: maps images to (n, 2) probabilities of HEM and ALL; its layers are in one flat graph.
        images: uint8 (n, height, width, 3), RGB in 0…255.

    Returns:
        float32 (n, rows, columns), in the size of the last convolution. Each map is 0…1 with
        maximum 1, or 0 everywhere if no region raises the score.

    Raises:
        StageError: if the model has no convolution.
    """
    features = last_convolution(model)
    # Two models, so that the tape records only the layers after the convolution.
    before = keras.Model(model.inputs, features.output)
    after = keras.Model(features.output, model.output)
    maps = [
        np.asarray(_weighted(before, after, images[start : start + BATCH_SIZE]), np.float32)
        for start in range(0, len(images), BATCH_SIZE)
    ]
    rows, columns = features.output.shape[1:3]
    return np.concatenate([np.zeros((0, rows, columns), np.float32), *maps])


def last_convolution(model: keras.Model) -> keras.layers.Layer:
    """Return the layer with the maps of the last convolution after normalisation and activation.

    This is the last convolution by position, or the last layer of those directly after it with the
    same output shape. Later layers read its output.

    Raises:
        StageError: if the model has no convolution among its layers.
    """
    found = [
        position
        for position, layer in enumerate(model.layers)
        if isinstance(layer, _CONVOLUTIONS) and len(layer.output.shape) == 4
    ]
    if not found:
        kinds = ", ".join(sorted({type(layer).__name__ for layer in model.layers}))
        raise StageError(
            f"the model has no convolution for Grad-CAM, only {kinds}; expected a network such as "
            "EfficientNet, its layers in one graph; make it again with `dvc repro --force "
            "--single-item train`"
        )
    last = model.layers[found[-1]]
    for layer in model.layers[found[-1] + 1 :]:
        if getattr(layer.output, "shape", None) != last.output.shape:
            break
        last = layer
    return last


def _weighted(before: keras.Model, after: keras.Model, images: Images) -> tf.Tensor:
    features = before(tf.constant(images, tf.float32), training=False)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(features)
        probabilities = after(features, training=False)
        # Softmax can underflow to 0, which has no logarithm.
        logs = log(tf.maximum(probabilities, np.finfo(np.float32).tiny))
        score = logs[:, _ALL] - logs[:, _HEM]
    gradients = tape.gradient(score, features)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))
    highest = tf.reduce_max(maps, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(maps, highest)
