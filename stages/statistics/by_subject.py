"""Measure subjects instead of cells: subject-level calls and accuracy by subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import binomtest

from stages.dataset.classes import CLASS_NAMES
from stages.statistics.intervals import unknown_subjects
from stages.statistics.metrics import DECIMALS, Booleans, Floats


def count_subjects(predictions: pd.DataFrame) -> int | None:
    """Return the number of subjects; None if that of a cell is not known.

    A name in both classes counts twice, as in C-NMC 2019.
    """
    if unknown_subjects(predictions):
        return None
    return len(predictions[["label", "subject"]].drop_duplicates())


def subject_table(predictions: pd.DataFrame, *, threshold: float) -> pd.DataFrame:
    """Return one row per subject, sorted by label and name.

    Args:
        predictions: rows of predictions.csv.
        threshold: p(ALL) from which a cell is called ALL; its logit is that for mean_logit.

    Returns:
        Columns label, subject, cells, accuracy (share of its cells called correctly), mean_logit,
        right (whether the call of the subject by its mean logit is correct).
    """
    actual = predictions["label"] == "all"
    cells = predictions.assign(right=(predictions["p_all"] >= threshold) == actual)
    groups = cells.groupby(["label", "subject"], sort=True)
    table = groups.agg(
        cells=("right", "size"), accuracy=("right", "mean"), mean_logit=("logit", "mean")
    ).reset_index()
    called = table["mean_logit"] >= logit(threshold)
    return table.assign(right=called == (table["label"] == "all"))


def measure_subjects(subjects: pd.DataFrame) -> dict[str, Any]:
    """Measure rows of `subject_table`, for each class and for both.

    Returns:
        Under each class that has subjects, and under `both`: the number of subjects, their mean
        accuracy, the number called correctly by mean logit (`right`), its share, and the exact
        binomial 95 % interval of the share (Clopper and Pearson). Each subject counts once.
    """
    parts = {name: subjects[subjects["label"] == name] for name in reversed(CLASS_NAMES)}
    return {
        name: _measure(rows) for name, rows in (parts | {"both": subjects}).items() if len(rows)
    }


def weighted_subject_accuracy(
    predictions: pd.DataFrame, called: Booleans, weights: Floats
) -> dict[str, Floats]:
    """Return the mean accuracy of the subjects of each class, and of both, under each weighting.

    Args:
        predictions: rows of predictions.csv.
        called: whether each cell is called ALL.
        weights: (weightings, cells), the same for all cells of a subject.

    Returns:
        (weightings,) for each class that has subjects, and for `both`.
    """
    is_all = (predictions["label"] == "all").to_numpy(bool)
    keys = (predictions["label"] + " " + predictions["subject"]).to_numpy(str)
    _, subject_of_cell, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    share = 1 / sizes[subject_of_cell]  # so that each subject counts as one
    right = share * (called == is_all)
    masks = {"all": is_all, "hem": ~is_all, "both": np.ones_like(is_all)}
    return {
        name: (weights[:, mask] @ right[mask]) / (weights[:, mask] @ share[mask])
        for name, mask in masks.items()
        if mask.any()
    }


def _measure(rows: pd.DataFrame) -> dict[str, Any]:
    right, count = int(rows["right"].sum()), len(rows)
    interval = binomtest(right, count).proportion_ci(confidence_level=0.95, method="exact")
    return {
        "subjects": count,
        "mean_accuracy": round(float(rows["accuracy"].mean()), DECIMALS),
        "right": right,
        "right_share": round(right / count, DECIMALS),
        "right_interval": [round(float(end), DECIMALS) for end in interval],
    }
