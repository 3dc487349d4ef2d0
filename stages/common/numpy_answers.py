"""Check by known answers that NumPy computes the bits here that it computes elsewhere."""

from __future__ import annotations

import hashlib

import numpy as np

_ANSWERS = {"2.4.6": "a7eba07a2638957c3f37ff9dba498ca8"}
"""The digest by version of NumPy, seen on unlike x86-64 processors."""


def numpy_computes_as_others() -> bool | None:
    """Return whether NumPy and its OpenBLAS give the known bits; None if no answer is known."""
    known = _ANSWERS.get(np.__version__)
    return None if known is None else digest() == known


def digest() -> str:
    """Return the MD5 of what the stages use: functions, sums and a product of matrices."""
    numbers = np.linspace(0.01, 5, 203)
    single = numbers.astype(np.float32)
    square = np.random.default_rng(0).random((100, 100))
    found = [np.log(numbers), np.exp(numbers), np.log(single), np.exp(single), np.sum(numbers)]
    digest = hashlib.md5(usedforsecurity=False)
    for result in [*found, square @ square, square @ square[0]]:
        digest.update(np.asarray(result).tobytes())
    return digest.hexdigest()
