"""Measure two baselines that a useful model must beat: every cell ALL, and size alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.dataset.predictions_table import P_ALL_DECIMALS
from stages.statistics.metrics import Floats, arrays, measure_calls


def always_all(predictions: pd.DataFrame) -> dict[str, Any]:
    """Measure the calls if every cell is called ALL. This baseline has no p(ALL)."""
    actual, _ = arrays(predictions)
    return measure_calls(actual, np.ones_like(actual))


def size_only_p_all(training: pd.DataFrame, areas: Floats) -> tuple[Floats | None, str | None]:
    """Predict p(ALL) from the area alone: a logistic regression on the training cells.

    Args:
        training: columns label (hem or all) and area (share of the image, 0…1).
        areas: areas of the cells to predict.

    Returns:
        p(ALL) of each cell, to P_ALL_DECIMALS, and None; or None and why the fit is impossible.
    """
    if training["label"].nunique() < 2:
        return None, "the training cells are not of both classes"
    if training["area"].nunique() < 2:
        return None, "the training cells are all of one size"
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(training[["area"]].to_numpy(float), training["label"] == "all")
    p_all = model.predict_proba(areas.reshape(-1, 1))[:, 1]
    return p_all.round(P_ALL_DECIMALS), None
