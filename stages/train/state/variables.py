"""Variables of network, metrics and optimizer: their values, and random seeds. Pure Keras."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np


def values(variables: Iterable[keras.Variable]) -> list[np.ndarray[Any, Any]]:
    """Return the values of the variables as arrays in memory."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assign(variables: Iterable[keras.Variable], arrays: Iterable[np.ndarray[Any, Any]]) -> None:
    """Give each variable its value. Raises ValueError if there are more of one than the other."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def reset_seeds(variables: Iterable[keras.Variable], *, seed: int, epoch: int) -> None:
    """Give each seed state among the variables a value that depends on (seed, epoch, place) alone.

    Args:
        variables: those of a network, its dropout's seed states among them.
        seed: not below 0.
        epoch: from 0.
    """
    states = [variable for variable in variables if variable.name == "seed_generator_state"]
    for place, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, place]).generate_state(2)
        state.assign(words.astype(state.dtype))
