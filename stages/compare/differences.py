"""Test two models for differences: an interval, a p-value and a verdict for each metric.

Both models are measured in the same resamples of subjects. The p-value is from a permutation test:
it swaps the two models' predictions at random, for all cells of a subject together. Where subjects
are not known, cells take their place, and the intervals are too narrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.compare.compared_metrics import metrics, swapped_metrics, weighted_metrics
from stages.compare.pairs import Pair
from stages.compare.revisions import Revision
from stages.statistics.by_subject import count_subjects
from stages.statistics.intervals import (
    Resamples,
    intervals,
    over_resamples,
)
from stages.statistics.metrics import DECIMALS, LESS_IS_BETTER, Floats
from stages.statistics.resampling_units import draw_units

REPLICATES = 2_000
SEED = 0

SIGNIFICANCE = 0.05

BY_SUBJECTS, BY_SUBJECTS_AND_SEEDS = "test cells", "test cells and trainings"
"""What has its chance in the intervals and p-values: trainings too, or test cells alone."""

_TIE = 1e-12  # rounding tolerance between equal differences


def compare(pair: Pair) -> dict[str, Any]:
    """Compare two models metric by metric.

    Returns:
        `chance`: BY_SUBJECTS; `old`, `new` (revision, data, archive, threshold,
        operating_threshold), part, cells, subjects (None if not known; then `too_narrow` has
        TOO_NARROW), left_out; `metrics`: for each its value in old and new, the difference
        (new − old), its 95 % interval, its p-value, and the verdict: better, worse, equal (in every
        resample), or unresolved (the interval holds 0, or p is not below 0.05). Without intervals
        the verdict is None, and `undefined` gives the reason.
    """
    old, new = (metrics(side) for side in (pair.old, pair.new))
    resamples, beside = draw_units(pair.old.test, replicates=REPLICATES, seed=SEED)
    found: dict[str, Any] = {}
    p_values: dict[str, float] = {}
    if resamples is not None:
        found = intervals(resamples, lambda weights: _differences(pair, weights))
        p_values = swap_p_values(pair, resamples)
    reasons = [*beside.get("undefined", []), *found.get("undefined", [])]
    return {
        "chance": BY_SUBJECTS,
        "old": described(pair.old),
        "new": described(pair.new),
        "part": pair.new.part,
        "cells": len(pair.old.test),
        "subjects": count_subjects(pair.old.test),
        **({"too_narrow": beside["too_narrow"]} if "too_narrow" in beside else {}),
        "left_out": list(pair.left_out),
        "metrics": {
            name: metric_row(name, old[name], new[name], found.get(name), p_values.get(name))
            for name in old
            if name in new
        },
        **({"undefined": reasons} if reasons else {}),
    }


def swap_p_values(pair: Pair, resamples: Resamples) -> dict[str, float]:
    """Return each metric's two-sided p-value in a permutation test that swaps models by unit.

    The observed predictions count as one permutation, so p is never 0.

    Args:
        pair: the two models.
        resamples: give the unit of each cell, its subject or itself; the drawn counts are not used.
    """
    generator = np.random.default_rng(SEED)
    swapped = generator.integers(2, size=(REPLICATES, len(resamples.strata)), dtype=np.int32)
    swaps = Resamples(swapped, resamples.unit_of_cell, resamples.strata)
    drawn = over_resamples(swaps, lambda swapped: _new_less_old(*swapped_metrics(pair, swapped)))
    whole = _differences(pair, np.ones((1, len(pair.old.test))))
    # NaN, for a metric that a swap leaves undefined, counts as extreme.
    return {
        name: float(
            (1 + (~(np.abs(values) < abs(whole[name][0]) - _TIE)).sum()) / (1 + len(values))
        )
        for name, values in drawn.items()
        if np.isfinite(whole[name][0])
    }


def described(side: Revision) -> dict[str, Any]:
    """Return what a comparison says of a side: revision, data, archive, thresholds."""
    return {
        "revision": side.name,
        "data": side.data,
        "archive": side.archive,
        "threshold": side.threshold,
        "operating_threshold": side.operating_threshold,
    }


def _new_less_old(old: dict[str, Floats], new: dict[str, Floats]) -> dict[str, Floats]:
    return {name: new[name] - old[name] for name in old if name in new}


def _differences(pair: Pair, weights: Floats) -> dict[str, Floats]:
    return _new_less_old(*(weighted_metrics(side, weights) for side in (pair.old, pair.new)))


def metric_row(
    name: str,
    old: float | None,
    new: float | None,
    interval: list[float] | None,
    p_value: float | None,
) -> dict[str, Any]:
    """Return the row of a metric: both values, difference, interval, p-value, verdict."""
    difference = None if old is None or new is None else round(new - old, DECIMALS)
    return {
        "old": old,
        "new": new,
        "difference": difference,
        "interval": interval,
        "p_value": None if p_value is None else round(p_value, DECIMALS),
        "verdict": _verdict(name, difference, interval, p_value),
    }


def _verdict(
    name: str, difference: float | None, interval: list[float] | None, p_value: float | None
) -> str | None:
    if difference is None or interval is None or p_value is None:
        return None
    if difference == 0 and interval == [0, 0]:
        return "equal"
    if interval[0] <= 0 <= interval[1] or p_value >= SIGNIFICANCE:
        return "unresolved"
    return "worse" if (difference < 0) != (name in LESS_IS_BETTER) else "better"
