"""Check by known answers that this machine computes the bits that others do. Imports TensorFlow."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from stages.common.processor import instruction_sets
from stages.network.cache_sizes import set_cache_sizes

_ANSWERS = {"2.21.0": "390191db9c135a6550c572cc065126f8"}
"""The digest by version of TensorFlow, seen on unlike x86-64 processors."""


def computes_as_others() -> bool | None:
    """Return whether operations of a network, with their gradients, give the known bits.

    The operations are too small to be divided among threads. They take a tenth of a second.

    Returns:
        False also where cache sizes cannot be set; None if no answer is known for this version of
        TensorFlow.
    """
    known = _ANSWERS.get(tf.__version__)
    return None if known is None else set_cache_sizes() and digest() == known


def tell_of_other_bits() -> None:
    """Print a line if TensorFlow computes other bits than elsewhere, with the likely reason."""
    if computes_as_others() is not False:
        return
    sets = instruction_sets()
    lacking = [name for name in ("avx2", "fma") if name not in sets] if sets else []
    reason = f"it lacks {' and '.join(lacking)}" if lacking else "a library ignores its settings"
    print(
        "This machine does not compute the bits of an x86-64 processor with AVX2 and FMA: "
        f"{reason}. What train and evaluate make will differ from what others make",
        flush=True,
    )


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
    shapes = ((2, 6, 6, 16), (3, 3, 16, 24), (3, 3, 16, 1), (24, 40), (2, 1000), (1000, 2))
    maps, kernel, depthwise, dense, row, column = (
        tf.constant(random.random(shape, np.float32) - np.float32(0.5)) for shape in shapes
    )
    divided_by_cache_sizes = row @ column
    with tf.GradientTape() as tape:
        tape.watch([maps, kernel, depthwise, dense])
        spread = tf.nn.depthwise_conv2d(maps, depthwise, [1, 1, 1, 1], "SAME")
        convolved = tf.nn.conv2d(spread, kernel, 2, "SAME")
        product = tf.reshape(convolved, (-1, 24)) @ dense
        score = tf.reduce_sum(tf.square(product))
    return [
        divided_by_cache_sizes,
        product,
        score,
        *tape.gradient(score, [maps, kernel, depthwise, dense]),
    ]


def _functions() -> list[Any]:
    """Return functions of numbers from 0.01 to 5, and random numbers."""
    numbers = tf.constant(np.linspace(0.01, 5, 203, dtype=np.float32))
    functions = (tf.exp, tf.math.log, tf.sqrt, tf.sigmoid, tf.tanh, tf.reduce_sum, tf.reduce_mean)
    found = [function(numbers) for function in functions]
    found.append(tf.pow(tf.constant(0.999), numbers))
    found.append(tf.random.stateless_normal((101,), seed=[1, 2]))
    return [*found, tf.random.stateless_truncated_normal((101,), seed=[1, 2])]
