"""Compute 95 % bootstrap intervals over subjects, and over cells.

Cells of one subject are alike, so the bootstrap over subjects draws a subject with all its cells.
Where subjects are not known, the intervals over cells are all there is, and TOO_NARROW.
Both draw within class: a resample has as many subjects (or cells) of each class as the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, t

from stages.statistics.metrics import DECIMALS, Floats

LEVEL = 0.95
RESAMPLES_SEED = 123
"""No parameter, so that models of other seeds are measured in the same resamples."""

LEAST_SUBJECTS = 5
"""Minimum number per class for an interval. Fewer say too little about unseen subjects."""

TOO_NARROW = (
    "the intervals are by cell and too narrow: cells of one person are alike; subjects are not "
    "known"
)
"""What goes with every interval over cells whose subjects are not known."""

_WEIGHTS_AT_ONCE = 250_000  # of 8 bytes each; memory holds several copies

Statistic = Callable[[Floats], dict[str, Floats]]
"""Maps weights (weightings, cells) to values (weightings,) by name; NaN if undefined."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """Counts of how often each resample draws each unit. A unit is a subject or a cell.

    Attributes:
        drawn: int32, (resamples, units).
        unit_of_cell: (cells,); the unit of each cell.
        strata: (units,); the stratum of each unit, such as its class.
    """

    drawn: npt.NDArray[np.int32]
    unit_of_cell: Integers
    strata: Integers


def unknown_subjects(predictions: pd.DataFrame) -> str | None:
    """Return the reason if the subject of a cell is missing (empty), else None."""
    missing = int((predictions["subject"] == "").sum())
    if not missing:
        return None
    cells = f" of {missing:,} of the {len(predictions):,} cells" * (missing < len(predictions))
    return f"subjects{cells} are not known"


def lacking_subjects(predictions: pd.DataFrame) -> str | None:
    """Return the reason if a class has fewer than LEAST_SUBJECTS known subjects, else None."""
    if unknown := unknown_subjects(predictions):
        return f"no intervals by subject: {unknown}"
    return _few(predictions, "subject")


def lacking_cells(predictions: pd.DataFrame) -> str | None:
    """Return the reason if a class has fewer than LEAST_SUBJECTS cells, else None."""
    return _few(predictions, "image")


def _few(predictions: pd.DataFrame, unit: str) -> str | None:
    counts = {
        name: int(predictions.loc[predictions["label"] == name, unit].nunique())
        for name in ("all", "hem")
    }
    few = [f"{count} of class {name}" for name, count in counts.items() if count < LEAST_SUBJECTS]
    if not few:
        return None
    units = {"subject": "subjects", "image": "cells"}[unit]
    return (
        f"no intervals: of the {units} {' and '.join(few)}; below {LEAST_SUBJECTS} in a class "
        f"a bootstrap says too little of {units} not seen"
    )


def subject_resamples(
    predictions: pd.DataFrame, *, replicates: int, seed: int, within: tuple[str, ...] = ("label",)
) -> Resamples:
    """Draw as many subjects as there are, with replacement, within strata (columns `within`)."""
    strata_of_cell = _numbered(predictions, within)
    unit_of_cell = _numbered(predictions, (*within, "subject"))
    _, first_cell = np.unique(unit_of_cell, return_index=True)
    strata = strata_of_cell[first_cell]
    return Resamples(_draw(strata, replicates=replicates, seed=seed), unit_of_cell, strata)


def cell_resamples(predictions: pd.DataFrame, *, replicates: int, seed: int) -> Resamples:
    """Draw as many cells as there are, with replacement, within class."""
    strata = _numbered(predictions, ("label",))
    drawn = _draw(strata, replicates=replicates, seed=seed)
    return Resamples(drawn, np.arange(len(strata)), strata)


def over_resamples(resamples: Resamples, statistic: Statistic) -> dict[str, Floats]:
    """Return the statistic in every resample: (resamples,) by name."""
    step = max(1, _WEIGHTS_AT_ONCE // len(resamples.unit_of_cell))
    portions = [
        statistic(resamples.drawn[start : start + step][:, resamples.unit_of_cell].astype(float))
        for start in range(0, len(resamples.drawn), step)
    ]
    return {name: np.concatenate([part[name] for part in portions]) for name in portions[0]}


def intervals(
    resamples: Resamples, statistic: Statistic, *, biased: Collection[str] = ()
) -> dict[str, Any]:
    """Return [low, high] of each value of the statistic, rounded.

    The method is BCa (Efron 1987), which corrects bias and skewness, with expanded percentiles
    (Hesterberg 2015, arXiv 1411.5279). With few units the bootstrap distribution is too narrow by
    √((n − 1) / n), and it is normal instead of Student's t. The expanded percentiles correct both.
    n is the effective number of units (Kish), in the stratum where it is smallest: five subjects
    hold 56 % of the HEM cells of C-NMC 2019.

    Args:
        resamples: of the cells that the statistic weighs.
        statistic: what to estimate.
        biased: names of values ≥ 0 with an upward bias, such as ECE. A resample adds about the
            same bias again. The basic (pivotal) bootstrap interval subtracts it. In simulations
            with 12 subjects per class it covered an ECE of 0.12 in 92 % of sets, and an ECE of 0
            in 79 %. BCa covered them in 94 % and 0 %.

    Returns:
        By name. A value that is undefined in some resample has None, and a reason in `undefined`.
    """
    drawn = over_resamples(resamples, statistic)
    whole = statistic(np.ones((1, len(resamples.unit_of_cell))))
    without_one = over_resamples(leave_one_out(resamples), statistic)
    reach = _reach(resamples)
    found: dict[str, Any] = {}
    reasons = []
    for name, values in drawn.items():
        estimate = float(whole[name][0])
        missing = int(np.isnan(values).sum())
        if missing or np.isnan(estimate):
            found[name] = None
            reasons.append(f"{name} does not exist in {missing:,} of {len(values):,} resamples")
            continue
        if name in biased:
            ends = _pivotal(values, estimate, reach)
        else:
            acceleration = _acceleration(without_one[name], resamples.strata)
            ends = _accelerated(values, estimate, reach, acceleration)
        found[name] = [round(end, DECIMALS) for end in ends]
    return found | ({"undefined": reasons} if reasons else {})


def intervals_to_tell(
    resamples: Resamples, statistic: Statistic, *, biased: Collection[str] = ()
) -> dict[str, Any]:
    """Return the result of `intervals`, with None and a reason for intervals of zero width.

    If every call is correct, all resamples are equal.
    """
    found = intervals(resamples, statistic, biased=biased)
    same = [
        name for name, ends in found.items() if name != "undefined" and ends and ends[0] == ends[1]
    ]
    if not same:
        return found
    reasons = [f"{', '.join(same)}: the same in (nearly) all resamples, which tell nothing"]
    reasons += found.get("undefined", [])
    return found | dict.fromkeys(same) | {"undefined": reasons}


def _reach(resamples: Resamples) -> float:
    """Return the half-width of an interval in standard deviations."""
    sizes = np.bincount(resamples.unit_of_cell)
    units = min(effective_number(sizes[resamples.strata == one]) for one in set(resamples.strata))
    return float(np.sqrt(units / (units - 1)) * t.isf((1 - LEVEL) / 2, units - 1))


def effective_number(sizes: Integers) -> float:
    """Return the effective number of units (Kish) for their numbers of cells; at least 2."""
    return max(2.0, float(sizes.sum() ** 2 / (sizes**2).sum()))


def _pivotal(values: Floats, estimate: float, reach: float) -> list[float]:
    low, high = np.quantile(values, norm.cdf([-reach, reach]))
    return [max(0.0, float(2 * estimate - high)), max(0.0, float(2 * estimate - low))]


def _accelerated(values: Floats, estimate: float, reach: float, acceleration: float) -> list[float]:
    below = (values < estimate).mean() + (values == estimate).mean() / 2
    bias = norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    reached = bias + np.array([-reach, reach])
    # If one subject holds most cells, the denominator can be ≤ 0. The end is then the smallest or
    # largest value.
    slack = 1 - acceleration * reached
    shifted = np.divide(reached, slack, out=np.sign(reached) * np.inf, where=slack > 0)
    return [float(end) for end in np.quantile(values, norm.cdf(bias + shifted))]


def _acceleration(without_one: Floats, strata: Integers) -> float:
    """Return Efron's acceleration a by the jackknife, for units drawn within strata."""
    second = third = 0.0
    for stratum in np.unique(strata):
        values = without_one[strata == stratum]
        influence = (len(values) - 1) / len(values) * (values.mean() - values)
        second += float((influence**2).sum())
        third += float((influence**3).sum())
    return third / (6 * second**1.5) if second > 0 else 0.0


def leave_one_out(resamples: Resamples) -> Resamples:
    """Return the resamples that each lack one unit, in the order of the units."""
    drawn = 1 - np.eye(len(resamples.strata), dtype=np.int32)
    return Resamples(drawn, resamples.unit_of_cell, resamples.strata)


def _numbered(predictions: pd.DataFrame, columns: tuple[str, ...]) -> Integers:
    """Return, for each cell, the number of its combination of column values, in sorted order."""
    numbers = predictions.groupby(list(columns), sort=True).ngroup()
    return np.asarray(numbers, np.int64)


def _draw(strata: Integers, *, replicates: int, seed: int) -> npt.NDArray[np.int32]:
    generator = np.random.default_rng(seed)
    drawn = np.zeros((replicates, len(strata)), np.int32)
    for stratum in np.unique(strata):
        units = np.flatnonzero(strata == stratum)
        for counts in drawn:
            chosen = generator.integers(len(units), size=len(units))
            counts[units] = np.bincount(chosen, minlength=len(units))
    return drawn
