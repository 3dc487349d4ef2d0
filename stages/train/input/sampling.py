"""The order of the cells in an epoch: a pure function of (seed, epoch)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from stages.common.errors import StageError
from stages.dataset.shard_reader import Cells

Indices = np.ndarray[Any, np.dtype[np.int64]]


def epoch_order(
    cells: Cells,
    *,
    sampling: Literal["natural", "subject_balanced"],
    positions: int,
    seed: int,
    epoch: int,
) -> Indices:
    """Return the index of the cell at each position of an epoch, int64 (positions,).

    natural: a permutation; no cell occurs twice, and the cells left out differ by epoch.
    subject_balanced: each class has its share of the training cells, rounded. Within a class each
    subject occurs equally often, or once more. Within a subject each cell occurs equally often, or
    once more.

    Raises:
        StageError: with subject_balanced, if the subject of a cell is not known.
    """
    random = np.random.default_rng([seed, epoch])
    if sampling == "natural":
        return random.permutation(len(cells.labels))[:positions]
    if unknown := cells.subjects.count(""):
        raise StageError(
            f"`train.sampling` is subject_balanced, but {unknown:,} of {len(cells.labels):,} cells "
            "have no subject; set it to natural"
        )
    subjects = np.array(cells.subjects)
    # The cumulative sums are rounded, not each class, so that the total is `positions`.
    totals = np.cumsum(np.bincount(cells.labels)) * positions / len(cells.labels)
    shares = np.diff(np.rint(totals).astype(int), prepend=0)
    drawn = [
        _one_class(subjects, np.flatnonzero(cells.labels == label), int(share), random)
        for label, share in enumerate(shares)
    ]
    order: Indices = random.permutation(np.concatenate(drawn))
    return order


def _one_class(
    subjects: np.ndarray[Any, np.dtype[np.str_]],
    members: Indices,
    share: int,
    random: np.random.Generator,
) -> Indices:
    """Sample `share` of the members, each of their subjects equally often."""
    if not share:
        return members[:0]
    names = np.unique(subjects[members])
    draws = _cycled(np.arange(len(names)), share, random)
    times = np.bincount(draws, minlength=len(names))
    return np.concatenate(
        [
            _cycled(members[subjects[members] == name], int(count), random)
            for name, count in zip(names, times, strict=True)
        ]
    )


def _cycled(items: Indices, count: int, random: np.random.Generator) -> Indices:
    """Sample `count` items; take each item once before any item a second time."""
    rounds = -(-count // len(items))
    return np.concatenate([items[:0], *(random.permutation(items) for _ in range(rounds))])[:count]
