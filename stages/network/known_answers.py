"""Check by known answers that this machine computes the bits that others do. Imports TensorFlow."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

_ANSWERS = {"2.21.0": "b1efd6d5f947d416b42de69fbe1ca22c"}
"""The digest by version of TensorFlow, seen on unlike x86-64 processors."""


def computes_as_others() -> bool | None:
    """Return whether operations of a network, with their gradients, give the known bits.

    Call it after `compute_deterministically`. It takes a tenth of a second.

    Returns:
        None if no answer is known for this version of TensorFlow.
    """
    known = _ANSWERS.get(tf.__version__)
    return None if known is None else digest() == known


def digest() -> str:
    """Return the MD5 of what the operations give, on a CPU."""
    with tf.device("CPU"):
        results = [*_products(), *_functions()]
    digest = hashlib.md5(usedforsecurity=False)
    for result in results:
        digest.update(np.asarray(result).tobytes())
    return digest.hexdigest()


def _products() -> list[Any]:
    """Return convolutions and products of random numbers, and their gradients."""
    random = np.random.default_rng(0)
    maps, kernel, depthwise, dense = (
        tf.constant(random.random(shape, np.float32) - np.float32(0.5))
        for shape in ((4, 24, 24, 32), (3, 3, 32, 48), (5, 5, 32, 1), (48, 640))
    )
    with tf.GradientTape() as tape:
        tape.watch([maps, kernel, depthwise, dense])
        spread = tf.nn.depthwise_conv2d(maps, depthwise, [1, 1, 1, 1], "SAME")
        convolved = tf.nn.conv2d(spread, kernel, 2, "SAME")
        product = tf.reshape(convolved, (-1, 48)) @ dense
        score = tf.reduce_sum(tf.square(product))
    return [product, score, *tape.gradient(score, [maps, kernel, depthwise, dense])]


def _functions() -> list[Any]:
    """Return functions of numbers from 0.01 to 5, and random numbers."""
    numbers = tf.constant(np.linspace(0.01, 5, 1003, dtype=np.float32))
    functions = (tf.exp, tf.math.log, tf.sqrt, tf.sigmoid, tf.tanh, tf.reduce_sum, tf.reduce_mean)
    found = [function(numbers) for function in functions]
    found.append(tf.pow(tf.constant(0.999), numbers))
    found.append(tf.random.stateless_normal((101,), seed=[1, 2]))
    return [*found, tf.random.stateless_truncated_normal((101,), seed=[1, 2])]
