"""A network with the layers of the real one in small, for tests of a second."""

from collections.abc import Sequence

import keras
import numpy as np

from stages.network.model import HEAD

SIZE = 8
BLOCKS = ("stem", "block1a", "block2a", "block2b", "top")
TWO_BLOCKS = ("stem", "top")
"""Where their number is of no consequence: tracing takes its time from that of the layers."""


def small_network(
    *,
    seed: int = 1,
    dropout: float = 0.2,
    batch_norm: bool = True,
    blocks: Sequence[str] = BLOCKS,
) -> keras.Model:
    """The blocks and the head; `dropout` and `batch_norm` say what they have of these."""
    keras.utils.set_random_seed(seed)
    features = images = keras.Input((SIZE, SIZE, 3))
    features = keras.layers.Rescaling(1 / 255)(features)
    for block in blocks:
        pixels = 1 if block == "top" else 3
        features = keras.layers.Conv2D(4, pixels, padding="same", name=f"{block}_conv")(features)
        if batch_norm:
            features = keras.layers.BatchNormalization(name=f"{block}_bn")(features)
        features = keras.layers.Activation("silu", name=f"{block}_activation")(features)
        if dropout:
            features = keras.layers.Dropout(dropout, name=f"{block}_drop")(features)
    features = keras.layers.GlobalMaxPooling2D(name="max_pool")(features)
    if batch_norm:
        features = keras.layers.BatchNormalization(name=HEAD[0])(features)
    features = keras.layers.Dense(6, "relu", kernel_regularizer="l2", name=HEAD[1])(features)
    if dropout:
        features = keras.layers.Dropout(dropout, name=HEAD[2])(features)
    outputs = keras.layers.Dense(2, "softmax", dtype="float32", name=HEAD[3])(features)
    return keras.Model(images, outputs)


def random_cells(count: int, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels; ALL brighter than HEM."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = random.integers(0, 156, (count, SIZE, SIZE, 3)) + 99 * labels[:, None, None, None]
    return images.astype("uint8"), labels


def values(variables: list[keras.Variable]) -> list[np.ndarray]:
    """Copies of what the variables hold."""
    return [np.array(variable) for variable in variables]


def same(before: list[np.ndarray], after: list[np.ndarray]) -> list[bool]:
    """Whether each is the same, to the bit."""
    return [bool((a == b).all()) for a, b in zip(before, after, strict=True)]
