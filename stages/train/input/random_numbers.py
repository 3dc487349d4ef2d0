"""The random numbers for each image of an epoch: pure functions of (seed, epoch, position).

They equal

    tf.random.stateless_uniform([n], [seed + 2**32 * (epoch + 1), position], alg="philox")

but are made for all positions at once: for one image at a time, TensorFlow takes longer to make
them than to gather and flip the image. Philox4x32-10 is from Salmon et al. 2011, "Parallel Random
Numbers: As Easy as 1, 2, 3".
"""

from __future__ import annotations

from typing import Any

import numpy as np

NUMBERS_PER_IMAGE = 11
"""Random numbers for each image."""

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
_KEY_OF_SEEDS = np.array([0x3EC8F720, 0x02461E29], np.uint32)
"""TensorFlow scrambles a seed with this key before use."""
_ROUNDS = 10

Words = np.ndarray[Any, np.dtype[np.uint32]]


def uniform_numbers(
    positions: int, *, seed: int, epoch: int
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return uniform random numbers in [0, 1), float32 (positions, NUMBERS_PER_IMAGE).

    Args:
        positions: number of positions in the epoch.
        seed: below 2³¹.
        epoch: from 0.
    """
    seeds = np.empty((positions, 4), np.uint32)
    seeds[:, 0], seeds[:, 1] = seed, epoch + 1  # the low and the high half of 64 bits
    seeds[:, 2], seeds[:, 3] = np.arange(positions), 0
    mixed = _philox(seeds, np.broadcast_to(_KEY_OF_SEEDS, (positions, 2)))
    blocks = []
    for block in range(-(-NUMBERS_PER_IMAGE // 4)):
        counter = np.concatenate([np.full((positions, 2), [block, 0], np.uint32), mixed[:, 2:]], 1)
        blocks.append(_philox(counter, mixed[:, :2]))
    words = np.concatenate(blocks, axis=1)[:, :NUMBERS_PER_IMAGE]
    # The lower 23 bits are the fraction of a float between 1 and 2.
    return (words & np.uint32(0x7FFFFF) | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)


def _philox(counter: Words, key: Words) -> Words:
    """Return four words (n, 4) from each counter (n, 4) and its key (n, 2)."""
    for round_ in range(_ROUNDS):
        round_key = key + np.uint32(round_) * _WEYL
        product = counter[:, ::2] * _MULTIPLIERS
        high, low = (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)
        counter = np.stack(
            [
                high[:, 1] ^ counter[:, 1] ^ round_key[:, 0],
                low[:, 1],
                high[:, 0] ^ counter[:, 3] ^ round_key[:, 1],
                low[:, 0],
            ],
            axis=1,
        )
    return counter
