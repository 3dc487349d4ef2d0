"""Compute the sections of one split's results: figures, and their statistic for resamples.

Each function takes rows of predictions.csv, as they are or Frozen. It returns the section's
figures, and the statistic that gives the same figures under any weighting of the cells, or None if
there are no figures.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.statistics.by_subject import measure_subjects, subject_table, weighted_subject_accuracy
from stages.statistics.frozen import Frozen
from stages.statistics.intervals import Statistic, unknown_subjects
from stages.statistics.metrics import Floats, arrays, measure, measure_calls
from stages.statistics.tuning import CALIBRATION_METRICS
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


def operating_point(frozen: Frozen) -> Section:
    """Measure the calls at the operating threshold, tuned on validation.

    `threshold` is a list where the cells have several.
    """
    if reason := frozen.missing.get("operating_point"):
        return {"undefined": [reason]}, None
    actual, p_all = arrays(frozen.predictions)
    thresholds = frozen.predictions["operating_threshold"]
    called = p_all >= thresholds.to_numpy(float)
    different = sorted(set(thresholds.tolist()))
    threshold = different[0] if len(different) == 1 else different
    figures = {"threshold": threshold, **measure_calls(actual, called)}
    return figures, lambda weights: weighted_calls(actual, called, weights)


def calibrated(frozen: Frozen, threshold: float) -> Section:
    """Measure p(ALL) after temperature scaling, fitted on validation. The ranks stay the same."""
    if reason := frozen.missing.get("calibrated"):
        return {"undefined": [reason]}, None
    scaled = frozen.predictions.assign(p_all=frozen.predictions["p_all_calibrated"])
    actual, p_all = arrays(scaled)
    measured = measure(scaled, threshold=threshold)
    figures = {name: measured[name] for name in CALIBRATION_METRICS}
    return figures, lambda weights: weighted_errors(actual, p_all, weights)


def by_subject(predictions: pd.DataFrame, threshold: float) -> Section:
    """Measure the subjects. The statistic gives their mean accuracies."""
    if unknown := unknown_subjects(predictions):
        return {"undefined": [f"no figures by subject: {unknown}"]}, None
    called = arrays(predictions)[1] >= threshold
    figures = measure_subjects(subject_table(predictions, threshold=threshold))
    return figures, lambda weights: weighted_subject_accuracy(predictions, called, weights)


def size_only(frozen: Frozen) -> Section:
    """Measure the classifier by the area alone."""
    if reason := frozen.missing.get("size_only"):
        return {"undefined": [reason]}, None
    by_size = frozen.predictions.assign(p_all=frozen.predictions["p_all_size_only"])
    figures, statistic = plain(by_size, SIZE_ONLY_THRESHOLD)
    del figures["cells"]
    return figures, statistic
