"""Assign groups of subjects so that each part comes near its target number of cells per class.

Integer arithmetic and random starts from PCG64 give the same result on any processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

IntArray = np.ndarray[Any, np.dtype[np.int64]]

_STARTS = 60  # on C-NMC 5 starts come within 4 cells of each target, 60 within one (11 seeds)
# Above the squared differences of any table of up to 400,000 cells.
_MISSING_GROUP_COST = 2**40


def place_groups(
    cells: IntArray, *, targets: IntArray, fewest_groups: IntArray, seed: int
) -> IntArray:
    """Search for the part of each group: from random starts, swap groups while the cost falls.

    The cost counts first the groups that parts lack to reach `fewest_groups`, then the sum of
    the squared differences from `targets`.

    Args:
        cells: int64, (groups, classes): the cells of each class in each group.
        targets: int64, (parts, classes): the target number of cells of each class in each part.
        fewest_groups: int64, (classes,): the minimum number of groups of each class in a part.
        seed: seed of the random starts.

    Returns:
        int64, (groups,): the index of each group's part.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    ends = np.cumsum(targets.sum(axis=1))
    # Each part gets an empty group: a swap with it moves a group to this part.
    loads = _cells_and_presence(np.vstack([cells, np.zeros_like(targets)]))
    wanted = np.hstack([targets, np.tile(fewest_groups, (len(targets), 1))])
    found = []
    for _ in range(_STARTS):
        start = np.searchsorted(ends, generator.integers(ends[-1], size=len(cells)), side="right")
        found.append(_descend(start, loads, wanted))
    _, best = min(found, key=lambda costed: costed[0])
    return best


def _cells_and_presence(cells: IntArray) -> IntArray:
    """Append, per class, whether each group has cells of this class."""
    return np.hstack([cells, cells > 0])


def _descend(start: IntArray, loads: IntArray, wanted: IntArray) -> tuple[int, IntArray]:
    """Make the swap that lowers the cost most, until none does; return the cost and the parts."""
    empty = np.arange(len(wanted))
    parts = np.concatenate([start, empty])
    while True:
        excess = -wanted
        np.add.at(excess, parts, loads)
        gains = _gains(parts, loads, excess)
        first, second = np.unravel_index(np.argmin(gains), gains.shape)
        if gains[first, second] >= 0:
            return int(_cost(excess).sum()), parts[: len(start)]
        parts[[first, second]] = parts[[second, first]]
        parts[len(start) :] = empty


def _gains(parts: IntArray, loads: IntArray, excess: IntArray) -> IntArray:
    """Return the change of the cost, (groups, groups), when two groups swap their parts."""
    here = excess[parts]
    change = loads[np.newaxis] - loads[:, np.newaxis]
    own = _cost(here[:, np.newaxis] + change) - _cost(here)[:, np.newaxis]
    return np.where(parts[:, np.newaxis] == parts, 0, own + own.T)


def _cost(excess: IntArray) -> IntArray:
    """Return the cost of parts from their excess, (…, cells and groups of each class)."""
    cells, groups = np.split(excess, 2, axis=-1)
    lacking = np.maximum(-groups, 0)
    cost: IntArray = (cells**2 + _MISSING_GROUP_COST * lacking).sum(axis=-1)
    return cost
