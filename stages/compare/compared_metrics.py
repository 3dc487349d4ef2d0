"""Compute a revision's test metrics: plain, under weightings, and with swapped predictions."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from stages.compare.pairs import Pair
from stages.compare.revisions import Revision
from stages.statistics.metrics import (
    CALL_METRICS,
    SCORE_METRICS,
    Booleans,
    Floats,
    arrays,
    call_metrics,
    rounded,
    score_metrics,
)
from stages.statistics.weighted_metrics import (
    weighted_calls,
    weighted_errors,
    weighted_ranks,
    weighted_scores,
)

OPERATING = {"operating_sensitivity": "sensitivity", "operating_specificity": "specificity"}
"""Metrics at the operating threshold, in addition to those at the fixed threshold."""

COMPARED = (*CALL_METRICS, *SCORE_METRICS, *OPERATING)

_FIXED, _OPERATING = "fixed", "operating"


def metrics(side: Revision) -> dict[str, float | None]:
    """Return COMPARED, rounded; without OPERATING if there is no operating point."""
    actual, p_all = arrays(side.test)
    calls = _calls(side)
    values = call_metrics(actual, calls[_FIXED]) | score_metrics(actual, p_all)
    if _OPERATING in calls:
        at_point = call_metrics(actual, calls[_OPERATING])
        values |= {name: at_point[metric] for name, metric in OPERATING.items()}
    return rounded(values)


def weighted_metrics(side: Revision, weights: Floats) -> dict[str, Floats]:
    """Return the figures of `metrics`, unrounded, under weights (weightings, cells)."""
    actual, p_all = arrays(side.test)
    return _weighted_calls(actual, _calls(side), weights) | weighted_scores(actual, p_all, weights)


def swapped_metrics(pair: Pair, swapped: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return `weighted_metrics` of both models after swapping some cells' predictions.

    Metrics that depend on the order alone swap each model's ranks instead of its p(ALL)
    (Venkatraman and Begg 1996). Otherwise, a model with higher p(ALL) throughout, but in the same
    order, would add noise.

    Args:
        pair: the two models.
        swapped: (swaps, cells); 1 where a cell's predictions are swapped, else 0.
    """
    sides = (pair.old, pair.new)
    tables = zip(*(arrays(side.test) for side in sides), strict=True)
    actual, p_all = (np.concatenate(each) for each in tables)
    ranks = np.concatenate([rankdata(arrays(side.test)[1]) for side in sides])
    old_calls, new_calls = (_calls(side) for side in sides)
    calls = {
        point: np.concatenate([old_calls[point], new_calls[point]])
        for point in old_calls
        if point in new_calls
    }

    def measured(weights: Floats) -> dict[str, Floats]:
        return (
            _weighted_calls(actual, calls, weights)
            | weighted_ranks(actual, ranks, weights)
            | weighted_errors(actual, p_all, weights)
        )

    # One table holds both models' rows. Weight 1 selects the rows of a model.
    return (
        measured(np.hstack([1 - swapped, swapped])),
        measured(np.hstack([swapped, 1 - swapped])),
    )


def _calls(side: Revision) -> dict[str, Booleans]:
    thresholds = {
        _FIXED: side.threshold,
        _OPERATING: side.test.get("operating_threshold", side.operating_threshold),
    }
    p_all = side.test["p_all"]
    return {
        point: (p_all >= threshold).to_numpy(bool)
        for point, threshold in thresholds.items()
        if threshold is not None
    }


def _weighted_calls(
    actual: Booleans, calls: dict[str, Booleans], weights: Floats
) -> dict[str, Floats]:
    values = weighted_calls(actual, calls[_FIXED], weights)
    if _OPERATING in calls:
        at_point = weighted_calls(actual, calls[_OPERATING], weights)
        values |= {name: at_point[metric] for name, metric in OPERATING.items()}
    return values
