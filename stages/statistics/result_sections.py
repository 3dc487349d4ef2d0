"""Compute the sections of one split's results: figures, and their statistic for resamples.

Each function takes rows of predictions.csv. It returns the section's figures, and the statistic
that gives the same figures under any weighting of the cells, or None if there are no figures.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.statistics.baselines import size_only_p_all
from stages.statistics.by_subject import measure_subjects, subject_table, weighted_subject_accuracy
from stages.statistics.intervals import Statistic, unknown_subjects
from stages.statistics.metrics import Floats, arrays, measure, measure_calls
from stages.statistics.tuning import CALIBRATION_METRICS, Tuning, calibrated_p_all
from stages.statistics.weighted_metrics import weighted_calls, weighted_errors, weighted_scores

Section = tuple[dict[str, Any], Statistic | None]

SIZE_ONLY_THRESHOLD = 0.5


def plain(predictions: pd.DataFrame, threshold: float) -> Section:
    """Measure the calls at the threshold, and p(ALL) itself."""
    actual, p_all = arrays(predictions)

    def statistic(weights: Floats) -> dict[str, Floats]:
        calls = weighted_calls(actual, p_all >= threshold, weights)
        return calls | weighted_scores(actual, p_all, weights)

    return measure(predictions, threshold=threshold), statistic


def operating_point(predictions: pd.DataFrame, tuning: Tuning) -> Section:
    """Measure the calls at the operating threshold, tuned on validation."""
    threshold = tuning.operating_threshold
    if threshold is None:
        return {"undefined": [f"no operating point: {tuning.no_threshold}"]}, None
    actual, p_all = arrays(predictions)
    called = p_all >= threshold
    figures = {"threshold": threshold, **measure_calls(actual, called)}
    return figures, lambda weights: weighted_calls(actual, called, weights)


def calibrated(predictions: pd.DataFrame, tuning: Tuning) -> Section:
    """Measure p(ALL) after temperature scaling, fitted on validation. The ranks stay the same."""
    p_all = calibrated_p_all(predictions, tuning)
    if p_all is None:
        return {"undefined": [f"no calibration: {tuning.no_temperature}"]}, None
    actual, _ = arrays(predictions)
    measured = measure(predictions.assign(p_all=p_all), threshold=tuning.threshold)
    figures = {name: measured[name] for name in CALIBRATION_METRICS}
    return figures, lambda weights: weighted_errors(actual, p_all, weights)


def by_subject(predictions: pd.DataFrame, threshold: float) -> Section:
    """Measure the subjects. The statistic gives their mean accuracies."""
    if unknown := unknown_subjects(predictions):
        return {"undefined": [f"no figures by subject: {unknown}"]}, None
    called = arrays(predictions)[1] >= threshold
    figures = measure_subjects(subject_table(predictions, threshold=threshold))
    return figures, lambda weights: weighted_subject_accuracy(predictions, called, weights)


def size_only(predictions: pd.DataFrame, training: pd.DataFrame) -> Section:
    """Measure the classifier by the area alone."""
    p_all, reason = size_only_p_all(training, predictions["area"].to_numpy(float))
    if p_all is None:
        return {"undefined": [f"no size-only classifier: {reason}"]}, None
    figures, statistic = plain(predictions.assign(p_all=p_all), SIZE_ONLY_THRESHOLD)
    del figures["cells"]
    return figures, statistic
