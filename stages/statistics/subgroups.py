"""Compute metrics by subgroup: a mean can hide where a model fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.statistics.by_subject import count_subjects, subject_table
from stages.statistics.intervals import Resamples, intervals_to_tell, unknown_subjects
from stages.statistics.metrics import DECIMALS, Floats, arrays, measure
from stages.statistics.resampling_units import draw_by_kind
from stages.statistics.weighted_metrics import weighted_calls, weighted_ranks

METRICS = ("accuracy", "sensitivity", "specificity", "roc_auc")
NOT_GIVEN = "not given"
"""Name of the group of the cells that have no value in a column."""

_THIRDS = ("lowest third", "middle third", "highest third")


def measure_subgroups(
    predictions: pd.DataFrame,
    columns: Sequence[str] = (),
    *,
    threshold: float,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Measure the cells by fold, thirds of area and brightness, further columns, and subject.

    The groups are lists: DVC leaves lists out of its tables of metrics.

    Args:
        predictions: rows of predictions.csv, of one split.
        columns: further columns, such as the scanner; a group for each value.
        threshold: p(ALL) from which a cell is called ALL.
        replicates: number of bootstrap resamples of the subjects of a group.
        seed: of the resamples.

    Returns:
        `fold` (empty if no cell has one), `area`, `brightness`: lists of name, cells, subjects,
        all_cells, METRICS, `undefined` if one of them is None, their `intervals`; thirds also have
        low and high, their smallest and largest value. Each of `columns`: a list as that of `fold`;
        cells without a value are NOT_GIVEN. `subject`: the columns of by_subject.subject_table,
        with the subject as name; empty if subjects are not known. Then the groups also have
        `cell_intervals`, with figures in place of those in `intervals`.
    """

    def measured(rows: pd.DataFrame) -> dict[str, Any]:
        found = _all_intervals(rows, threshold=threshold, replicates=replicates, seed=seed)
        return _measure(rows, threshold=threshold) | found

    return {
        "fold": _values(predictions[predictions["fold"] != ""], "fold", measured),
        "area": _thirds(predictions, "area", measured),
        "brightness": _thirds(predictions, "brightness", measured),
        **{column: _values(predictions, column, measured) for column in columns},
        "subject": _subjects(predictions, threshold=threshold),
    }


def _values(
    predictions: pd.DataFrame, column: str, measured: Callable[[pd.DataFrame], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Measure the cells by the values of a column, in sorted order; none if all are empty."""
    if (predictions[column] == "").all():
        return []
    return [
        {"name": str(name) or NOT_GIVEN} | measured(rows)
        for name, rows in predictions.groupby(column, sort=True)
    ]


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


def _all_intervals(
    rows: pd.DataFrame, *, threshold: float, replicates: int, seed: int
) -> dict[str, Any]:
    """Return `intervals` over subjects; if these are not known also `cell_intervals`."""
    return {
        kind: _intervals(rows, drawn, threshold=threshold) | beside if drawn else beside
        for kind, (drawn, beside) in draw_by_kind(rows, replicates=replicates, seed=seed).items()
    }


def _intervals(rows: pd.DataFrame, resamples: Resamples, *, threshold: float) -> dict[str, Any]:
    actual, p_all = arrays(rows)

    def statistic(weights: Floats) -> dict[str, Floats]:
        calls = weighted_calls(actual, p_all >= threshold, weights)
        values = calls | weighted_ranks(actual, p_all, weights)
        return {name: values[name] for name in METRICS}

    return intervals_to_tell(resamples, statistic)


def _subjects(predictions: pd.DataFrame, *, threshold: float) -> list[dict[str, Any]]:
    if unknown_subjects(predictions):
        return []
    table = subject_table(predictions, threshold=threshold).rename(columns={"subject": "name"})
    rows = table.round(DECIMALS).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
