"""Compute metrics from predictions. Pure functions; ALL is the positive class.

The input is rows of predictions.csv (label: hem or all; p_all: p(ALL) in 0…1), so anyone can
recompute every figure from that file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
    roc_curve,
)

from stages.dataset.predictions_table import P_ALL_DECIMALS
from stages.statistics.calibration import expected_calibration_error

DECIMALS = 6
"""Decimals of every metric."""

CALL_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "weighted_f1",
    "mcc",
)
"""Metrics of the calls at a threshold; more is better."""

SCORE_METRICS = ("roc_auc", "average_precision", "brier", "log_loss", "ece")
"""Metrics of p(ALL) itself, without a threshold."""

LESS_IS_BETTER = ("brier", "log_loss", "ece")

_OF_CALLED = {"ppv": "all", "npv": "hem"}

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def measure(predictions: pd.DataFrame, *, threshold: float) -> dict[str, Any]:
    """Measure p(ALL) and the calls. A cell is called ALL if p(ALL) is at least `threshold`.

    Returns:
        The number of cells, CALL_METRICS and SCORE_METRICS (rounded to DECIMALS), the confusion
        counts. An undefined metric is None, and `undefined` gives the reason.
    """
    actual, p_all = arrays(predictions)
    called = p_all >= threshold
    values = call_metrics(actual, called) | score_metrics(actual, p_all)
    return {
        "cells": len(actual),
        **rounded(values),
        **undefined(values, actual),
        "confusion": confusion_counts(actual, called),
    }


def measure_calls(actual: Booleans, called: Booleans) -> dict[str, Any]:
    """Return CALL_METRICS, `undefined` if one of them is None, and the confusion counts."""
    values = call_metrics(actual, called)
    return {
        **rounded(values),
        **undefined(values, actual),
        "confusion": confusion_counts(actual, called),
    }


def call_metrics(actual: Booleans, called: Booleans) -> dict[str, float | None]:
    """Return CALL_METRICS of the calls (true: ALL), unrounded; None for an undefined metric.

    weighted_f1 weights the F1 of each class by its number of cells. If all calls are the same,
    MCC is 0, as in scikit-learn.
    """
    confusion = confusion_counts(actual, called)
    right_all, missed = confusion["true_positive"], confusion["false_negative"]
    right_hem, alarms = confusion["true_negative"], confusion["false_positive"]
    sensitivity, specificity = _share(right_all, missed), _share(right_hem, alarms)
    return {
        "accuracy": float((called == actual).mean()),
        "balanced_accuracy": _mean(sensitivity, specificity),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _share(right_all, alarms),
        "npv": _share(right_hem, missed),
        "weighted_f1": f1_score(actual, called, average="weighted", zero_division=0),
        "mcc": matthews_corrcoef(actual, called) if _both(actual) else None,
    }


def score_metrics(actual: Booleans, p_all: Floats) -> dict[str, float | None]:
    """Return SCORE_METRICS of p(ALL), unrounded; None for an undefined metric.

    The log loss uses the clipped p(ALL) from `within`.
    """
    both = _both(actual)
    return {
        "roc_auc": roc_auc_score(actual, p_all) if both else None,
        "average_precision": average_precision_score(actual, p_all) if both else None,
        "brier": brier_score_loss(actual, p_all, labels=[False, True]),
        "log_loss": log_loss(actual, within(p_all), labels=[False, True]),
        "ece": expected_calibration_error(actual, p_all),
    }


def within(p_all: Floats) -> Floats:
    """Clip p(ALL) to a distance from 0 and 1 of half the last decimal in predictions.csv.

    A 0 or 1 in that file is rounded. Unclipped, its log loss would be that of a float64's epsilon.
    """
    half = 0.5 * 10**-P_ALL_DECIMALS
    return np.clip(p_all, half, 1 - half)


def roc_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the corners of the ROC curve, from (0, 0) to (1, 1).

    Returns:
        Columns false_positive_rate, true_positive_rate, threshold. At the first point no cell is
        called ALL: its threshold is infinite in scikit-learn, and 2 here, which no p(ALL) reaches.
    """
    false_positive_rate, true_positive_rate, threshold = roc_curve(*arrays(predictions))
    threshold[0] = 2
    return pd.DataFrame(
        {
            "false_positive_rate": false_positive_rate.round(DECIMALS),
            "true_positive_rate": true_positive_rate.round(DECIMALS),
            "threshold": threshold,
        }
    )


def confusion_rows(predictions: pd.DataFrame, *, threshold: float) -> pd.DataFrame:
    """Return one row per cell, actual and predicted (hem or all), for DVC's confusion template."""
    called = np.where(predictions["p_all"] >= threshold, "all", "hem")
    return pd.DataFrame({"actual": predictions["label"], "predicted": called})


def confusion_counts(actual: Booleans, called: Booleans) -> dict[str, int]:
    """Count the cells by actual class and call (true: ALL)."""
    return {
        "true_positive": int((actual & called).sum()),
        "false_negative": int((actual & ~called).sum()),
        "true_negative": int((~actual & ~called).sum()),
        "false_positive": int((~actual & called).sum()),
    }


def arrays(predictions: pd.DataFrame) -> tuple[Booleans, Floats]:
    """Return whether each cell is ALL, and its p(ALL)."""
    return (predictions["label"] == "all").to_numpy(bool), predictions["p_all"].to_numpy(float)


def rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    """Round the values to DECIMALS; None stays None."""
    return {
        name: None if value is None else round(float(value), DECIMALS)
        for name, value in values.items()
    }


def undefined(values: dict[str, float | None], actual: Booleans) -> dict[str, list[str]]:
    """Return under `undefined` why values are None; an empty dict if none is.

    The reasons are a list, as everywhere. DVC leaves lists out of its tables of metrics.
    """
    missing = [name for name, value in values.items() if value is None]
    uncalled = [name for name in missing if name in _OF_CALLED]
    one_class = [name for name in missing if name not in _OF_CALLED]
    reasons = [f"no cell is called {_OF_CALLED[name]}: no {name}" for name in uncalled]
    if one_class:
        only = "all" if actual.all() else "hem"
        reasons.insert(0, f"every cell is of class {only}: no {', '.join(one_class)}")
    return {"undefined": reasons} if reasons else {}


def _both(actual: Booleans) -> bool:
    return bool(actual.any() and not actual.all())


def _share(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None


def _mean(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else (first + second) / 2
