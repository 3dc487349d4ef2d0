"""Measure predictions. Pure: a table of cells in, numbers out; ALL is the positive class.

Every function takes the rows of predictions.csv (label: hem or all; p_all: p(ALL) in 0…1), so
anyone can recompute every figure from that file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score, roc_curve

DECIMALS = 6
"""Of every metric."""

P_ALL_DECIMALS = 8
"""Of p(ALL) in predictions.csv; metrics are made from p(ALL) as it stands there."""


def measure(predictions: pd.DataFrame, *, threshold: float) -> dict[str, Any]:
    """Measure p(ALL), and the call of ALL where it is at least `threshold`, against the labels.

    Returns:
        The number of cells, the metrics (rounded to DECIMALS), the confusion counts. Where the
        cells are all of one class, what does not exist is None and `undefined` says why. The F1
        of the classes is weighted by their numbers of cells. The log loss takes 0 and 1 as one
        float64 epsilon away from them, as scikit-learn does.
    """
    actual, p_all = _arrays(predictions)
    called = p_all >= threshold
    confusion = _confusion(actual, called)
    sensitivity = _share(confusion["true_positive"], confusion["false_negative"])
    specificity = _share(confusion["true_negative"], confusion["false_positive"])
    values = {
        "accuracy": (called == actual).mean(),
        "balanced_accuracy": _mean(sensitivity, specificity),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "weighted_f1": f1_score(actual, called, average="weighted", zero_division=0),
        "roc_auc": None,
        "average_precision": None,
        "log_loss": log_loss(actual, p_all, labels=[False, True]),
    }
    if actual.any() and not actual.all():
        values["roc_auc"] = roc_auc_score(actual, p_all)
        values["average_precision"] = average_precision_score(actual, p_all)
    rounded = {name: _rounded(value) for name, value in values.items()}
    return {"cells": len(actual), **rounded, **_undefined(rounded, actual), "confusion": confusion}


def roc_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the corners of the ROC curve, from (0, 0) to (1, 1).

    Returns:
        Columns false_positive_rate, true_positive_rate, threshold. At the first point nothing is
        called ALL: its threshold, infinite in scikit-learn, is 2 here, as no p(ALL) reaches it.
    """
    false_positive_rate, true_positive_rate, threshold = roc_curve(*_arrays(predictions))
    threshold[0] = 2
    return pd.DataFrame(
        {
            "false_positive_rate": false_positive_rate.round(DECIMALS),
            "true_positive_rate": true_positive_rate.round(DECIMALS),
            "threshold": threshold,
        }
    )


def confusion_rows(predictions: pd.DataFrame, *, threshold: float) -> pd.DataFrame:
    """Return a row a cell, columns actual and predicted (hem or all), as DVC's template wants."""
    called = np.where(predictions["p_all"] >= threshold, "all", "hem")
    return pd.DataFrame({"actual": predictions["label"], "predicted": called})


def _arrays(
    predictions: pd.DataFrame,
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.float64]]]:
    return (predictions["label"] == "all").to_numpy(bool), predictions["p_all"].to_numpy(float)


def _confusion(
    actual: np.ndarray[Any, np.dtype[np.bool_]], called: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, int]:
    return {
        "true_positive": int((actual & called).sum()),
        "false_negative": int((actual & ~called).sum()),
        "true_negative": int((~actual & ~called).sum()),
        "false_positive": int((~actual & called).sum()),
    }


def _share(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None


def _mean(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else (first + second) / 2


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DECIMALS)


def _undefined(
    values: dict[str, float | None], actual: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, str]:
    missing = [name for name, value in values.items() if value is None]
    if not missing:
        return {}
    only = "all" if actual.all() else "hem"
    return {"undefined": f"every cell is of class {only}: no {', '.join(missing)}"}
