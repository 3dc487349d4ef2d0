"""Compute metrics by subgroup: a mean can hide where a model fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from stages.statistics.by_subject import count_subjects, subject_table
from stages.statistics.intervals import intervals_to_tell, lacking_subjects, subject_resamples
from stages.statistics.metrics import DECIMALS, Floats, arrays, measure
from stages.statistics.weighted_metrics import weighted_calls, weighted_ranks

METRICS = ("accuracy", "sensitivity", "specificity", "roc_auc")
_THIRDS = ("lowest third", "middle third", "highest third")


def measure_subgroups(
    predictions: pd.DataFrame, *, threshold: float, replicates: int, seed: int
) -> dict[str, Any]:
    """Measure the cells by official fold, thirds of area and brightness, and subject.

    The groups are lists: DVC leaves lists out of its tables of metrics.

    Args:
        predictions: rows of predictions.csv, of one split.
        threshold: p(ALL) from which a cell is called ALL.
        replicates: number of bootstrap resamples of the subjects of a group.
        seed: of the resamples.

    Returns:
        `fold` (empty if no cell has one), `area`, `brightness`: lists of name, cells, subjects,
        all_cells, METRICS, `undefined` if one of them is None, their `intervals`; thirds also have
        low and high, their smallest and largest value. `subject`: the columns of
        by_subject.subject_table, with the subject as name.
    """
    folds = predictions[predictions["fold"] != ""]

    def measured(rows: pd.DataFrame) -> dict[str, Any]:
        found = _intervals(rows, threshold=threshold, replicates=replicates, seed=seed)
        return _measure(rows, threshold=threshold) | {"intervals": found}

    return {
        "fold": [
            {"name": str(name)} | measured(rows) for name, rows in folds.groupby("fold", sort=True)
        ],
        "area": _thirds(predictions, "area", measured),
        "brightness": _thirds(predictions, "brightness", measured),
        "subject": _subjects(predictions, threshold=threshold),
    }


def _thirds(
    predictions: pd.DataFrame, column: str, measured: Callable[[pd.DataFrame], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Measure the cells by thirds of a column; equal values are in one third."""
    values = predictions[column].to_numpy(float)
    third = np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values, side="left")
    return [
        {
            "name": _THIRDS[number],
            "low": round(float(values[third == number].min()), DECIMALS),
            "high": round(float(values[third == number].max()), DECIMALS),
            **measured(predictions[third == number]),
        }
        for number in sorted(set(third.tolist()))
    ]


def _measure(rows: pd.DataFrame, *, threshold: float) -> dict[str, Any]:
    measured = measure(rows, threshold=threshold)
    missing = [name for name in METRICS if measured[name] is None]
    return {
        "cells": len(rows),
        "subjects": count_subjects(rows),
        "all_cells": int((rows["label"] == "all").sum()),
        **{name: measured[name] for name in METRICS},
        **({"undefined": [f"cells of one class: no {', '.join(missing)}"]} if missing else {}),
    }


def _intervals(
    rows: pd.DataFrame, *, threshold: float, replicates: int, seed: int
) -> dict[str, Any]:
    if reason := lacking_subjects(rows):
        return {"undefined": [reason]}
    actual, p_all = arrays(rows)

    def statistic(weights: Floats) -> dict[str, Floats]:
        calls = weighted_calls(actual, p_all >= threshold, weights)
        values = calls | weighted_ranks(actual, p_all, weights)
        return {name: values[name] for name in METRICS}

    return intervals_to_tell(subject_resamples(rows, replicates=replicates, seed=seed), statistic)


def _subjects(predictions: pd.DataFrame, *, threshold: float) -> list[dict[str, Any]]:
    table = subject_table(predictions, threshold=threshold).rename(columns={"subject": "name"})
    rows = table.round(DECIMALS).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
