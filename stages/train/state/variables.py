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
    """Assign each array to its variable. Raise ValueError if their numbers differ."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def reset_seeds(variables: Iterable[keras.Variable], *, seed: int, epoch: int) -> None:
    """Set each seed state to a value that depends only on (seed, epoch, place).

    Args:
        variables: those of a network, including the seed states of dropout.
        seed: not below 0.
        epoch: from 0.
    """
    states = [variable for variable in variables if variable.name == "seed_generator_state"]
    for place, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, place]).generate_state(2)
        state.assign(words.astype(state.dtype))
