"""95 % intervals by the bootstrap: over subjects, whose cells are alike, and plainly over cells.

Both draw within class, so that a resample has as many subjects (or cells) of each class as the
table, and differ in what they draw alone. A drawn subject brings all its cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, t

from stages.evaluate.metrics import DECIMALS, Floats

LEVEL = 0.95
LEAST_SUBJECTS = 5
"""Of a class, below which no interval is given: they say too little of subjects not seen."""

_CELLS_AT_ONCE = 2_000_000  # weights in memory, 8 bytes each; a few such arrays are

Statistic = Callable[[Floats], dict[str, Floats]]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """How often each unit was drawn in each resample.

    Attributes:
        drawn: int32, (resamples, units).
        unit_of_cell: (cells,); the unit that each cell belongs to.
        independent: the number of units in the class that has fewer.
    """

    drawn: npt.NDArray[np.int32]
    unit_of_cell: Integers
    independent: int


def lacking_subjects(predictions: pd.DataFrame) -> str | None:
    """Say which class has fewer than LEAST_SUBJECTS subjects; None where none has."""
    counts = {
        name: int(predictions.loc[predictions["label"] == name, "subject"].nunique())
        for name in ("all", "hem")
    }
    few = [f"{count} of class {name}" for name, count in counts.items() if count < LEAST_SUBJECTS]
    if not few:
        return None
    return (
        f"no intervals: the cells are of {' and '.join(few)} subjects; below {LEAST_SUBJECTS} "
        "subjects in a class a bootstrap says too little of subjects not seen"
    )


def subject_resamples(predictions: pd.DataFrame, *, replicates: int, seed: int) -> Resamples:
    """Draw subjects, within class and with replacement, as many as there are."""
    keys = predictions["label"] + " " + predictions["subject"].astype(str)
    names, unit_of_cell = np.unique(keys.to_numpy(str), return_inverse=True)
    is_all = np.char.startswith(names, "all ")
    return _draw(is_all, unit_of_cell, replicates=replicates, seed=seed)


def cell_resamples(predictions: pd.DataFrame, *, replicates: int, seed: int) -> Resamples:
    """Draw cells, within class and with replacement, as many as there are."""
    is_all = (predictions["label"] == "all").to_numpy(bool)
    return _draw(is_all, np.arange(len(is_all)), replicates=replicates, seed=seed)


def over_resamples(resamples: Resamples, statistic: Statistic) -> dict[str, Floats]:
    """Return the statistic, (weightings, cells) to (weightings,) by name, in every resample."""
    count, _ = resamples.drawn.shape
    step = max(1, _CELLS_AT_ONCE // len(resamples.unit_of_cell))
    portions = [
        statistic(resamples.drawn[start : start + step][:, resamples.unit_of_cell].astype(float))
        for start in range(0, count, step)
    ]
    return {name: np.concatenate([part[name] for part in portions]) for name in portions[0]}


def intervals(values: dict[str, Floats], *, independent: int) -> dict[str, Any]:
    """Return [low, high] of each metric from its values in the resamples, rounded.

    Expanded percentiles (Hesterberg 2015, arXiv 1411.5279, section 4.1): with few units the
    bootstrap's distribution is too narrow by √((n − 1) / n), and normal where Student's t is
    due; the percentiles taken lie as much further out. With many units they are 2.5 and 97.5.

    Args:
        values: (resamples,) by name; NaN where a metric does not exist.
        independent: n, the number of units in the class that has fewer.

    Returns:
        By name; None for a metric that does not exist in some resample, and `undefined` says so.
    """
    tail = norm.cdf(
        -np.sqrt(independent / (independent - 1)) * t.isf((1 - LEVEL) / 2, independent - 1)
    )
    missing = {name: int(np.isnan(drawn).sum()) for name, drawn in values.items()}
    found: dict[str, Any] = {
        name: None
        if missing[name]
        else [round(float(end), DECIMALS) for end in np.quantile(drawn, [tail, 1 - tail])]
        for name, drawn in values.items()
    }
    reasons = [
        f"{name} does not exist in {count:,} of {len(values[name]):,} resamples"
        for name, count in missing.items()
        if count
    ]
    return found | ({"undefined": "; ".join(reasons)} if reasons else {})


def _draw(
    is_all: npt.NDArray[np.bool_], unit_of_cell: Integers, *, replicates: int, seed: int
) -> Resamples:
    generator = np.random.default_rng(seed)
    drawn = np.zeros((replicates, len(is_all)), np.int32)
    for units in (np.flatnonzero(is_all), np.flatnonzero(~is_all)):
        chosen = generator.integers(len(units), size=(replicates, len(units)))
        rows = np.arange(replicates)[:, None] * len(units)
        counts = np.bincount((chosen + rows).ravel(), minlength=replicates * len(units))
        drawn[:, units] = counts.reshape(replicates, len(units))
    return Resamples(drawn, unit_of_cell, int(min(is_all.sum(), (~is_all).sum())))
