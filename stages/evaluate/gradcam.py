"""Grad-CAM: where in an image the model finds what speaks for ALL. TensorFlow.

Selvaraju et al. 2017 (arXiv 1610.02391): the maps of the last convolution, each weighted by the
mean of the score's gradient over it, added up, and what is below 0 left out.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES

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
    """Say where each image holds what speaks for ALL.

    The score is log p(ALL) − log p(HEM), which does not flatten where the model is sure.

    Args:
        model: of images to (n, 2) probabilities of HEM and ALL, its layers in one flat graph.
        images: uint8 (n, height, width, 3), RGB in 0…255.

    Returns:
        float32 (n, rows, columns) of the last convolution, each map 0…1 with 1 at its highest;
        0 everywhere where nothing speaks for ALL.

    Raises:
        StageError: if the model has no convolution.
    """
    features = last_convolution(model)
    # Apart, so that the tape holds what lies after the convolution alone.
    before = keras.Model(model.inputs, features.output)
    after = keras.Model(features.output, model.output)
    maps = [
        _weighted(before, after, images[start : start + BATCH_SIZE])
        for start in range(0, len(images), BATCH_SIZE)
    ]
    rows, columns = features.output.shape[1:3]
    return np.concatenate([np.zeros((0, rows, columns), np.float32), *maps])


def last_convolution(model: keras.Model) -> keras.layers.Layer:
    """Return the layer with the maps of the last convolution, as normalised and activated.

    That is the last convolution by position, or what follows it with maps of the same size: what
    the network reads from it.

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
            "EfficientNet, its layers in one graph; make it again with `dvc repro --force train`"
        )
    last = model.layers[found[-1]]
    for layer in model.layers[found[-1] + 1 :]:
        if getattr(layer.output, "shape", None) != last.output.shape:
            break
        last = layer
    return last


def _weighted(before: keras.Model, after: keras.Model, images: Images) -> Maps:
    features = before(tf.constant(images, tf.float32), training=False)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(features)
        probabilities = after(features, training=False)
        # Below the smallest float, where softmax gives 0, there is no logarithm.
        logs = tf.math.log(tf.maximum(probabilities, np.finfo(np.float32).tiny))
        score = logs[:, _ALL] - logs[:, _HEM]
    gradients = tape.gradient(score, features)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))
    highest = tf.reduce_max(maps, axis=(1, 2), keepdims=True)
    return np.asarray(tf.math.divide_no_nan(maps, highest), np.float32)
