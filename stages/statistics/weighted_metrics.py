"""Compute the metrics of one table under many weightings of its cells; exact, also with ties.

A cell's weight in a resample is the number of times that it was drawn. The sort order is the same
in all resamples, so the cells are sorted once, and the rest is sums. Weights are
(weightings, cells); each result is (weightings,), NaN if the metric is undefined.
"""

from __future__ import annotations

import numpy as np

from stages.statistics.calibration import BINS, bin_of
from stages.statistics.metrics import Booleans, Floats, within


def weighted_calls(actual: Booleans, called: Booleans, weights: Floats) -> dict[str, Floats]:
    """Return metrics.CALL_METRICS of the calls (true: ALL) under each weighting."""
    cases = np.stack([actual & called, actual & ~called, ~actual & ~called, ~actual & called])
    found, missed, cleared, alarms = (weights @ cases.T.astype(np.float64)).T
    sensitivity, specificity = _ratio(found, found + missed), _ratio(cleared, cleared + alarms)
    positives, negatives = found + missed, cleared + alarms
    f1_all = _ratio(2 * found, 2 * found + missed + alarms, otherwise=0)
    f1_hem = _ratio(2 * cleared, 2 * cleared + missed + alarms, otherwise=0)
    spread = positives * negatives * (found + alarms) * (cleared + missed)
    return {
        "accuracy": _ratio(found + cleared, positives + negatives),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _ratio(found, found + alarms),
        "npv": _ratio(cleared, cleared + missed),
        "weighted_f1": _ratio(positives * f1_all + negatives * f1_hem, positives + negatives),
        "mcc": _ratio(found * cleared - missed * alarms, np.sqrt(spread), otherwise=0),
    }


def weighted_scores(actual: Booleans, p_all: Floats, weights: Floats) -> dict[str, Floats]:
    """Return metrics.SCORE_METRICS of p(ALL) under each weighting."""
    return weighted_ranks(actual, p_all, weights) | weighted_errors(actual, p_all, weights)


def weighted_ranks(actual: Booleans, scores: Floats, weights: Floats) -> dict[str, Floats]:
    """Return the metrics that depend on the order alone: roc_auc, average_precision.

    Args:
        actual: (cells,); whether each is ALL.
        scores: (cells,); p(ALL), or any values in the same order.
        weights: (weightings, cells).
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    descending = weights[:, order]
    found = np.cumsum(descending * actual[order], axis=1)[:, ends]
    alarms = np.cumsum(descending * ~actual[order], axis=1)[:, ends]
    new_found = np.diff(found, axis=1, prepend=0)
    new_alarms = np.diff(alarms, axis=1, prepend=0)
    area = (new_alarms * (found - new_found / 2)).sum(axis=1)
    precision = _ratio(found, found + alarms, otherwise=0)
    return {
        "roc_auc": _ratio(area, found[:, -1] * alarms[:, -1]),
        "average_precision": _ratio((new_found * precision).sum(axis=1), found[:, -1]),
    }


def weighted_errors(actual: Booleans, p_all: Floats, weights: Floats) -> dict[str, Floats]:
    """Return the metrics that need no order of the cells: brier, log_loss, ece."""
    loss = -np.log(np.where(actual, within(p_all), 1 - within(p_all)))
    gaps = np.zeros((len(p_all), BINS))
    gaps[np.arange(len(p_all)), bin_of(p_all)] = p_all - actual
    total = weights.sum(axis=1)
    return {
        "brier": _ratio(weights @ (p_all - actual) ** 2, total),
        "log_loss": _ratio(weights @ loss, total),
        "ece": _ratio(np.abs(weights @ gaps).sum(axis=1), total),
    }


def _ratio(part: Floats, whole: Floats, *, otherwise: float = np.nan) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, otherwise), where=whole > 0)
