"""What needs no look at the cell, or only at its size: a model must do better to be of use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.statistics.metrics import P_ALL_DECIMALS, Floats, arrays, measure_calls


def always_all(predictions: pd.DataFrame) -> dict[str, Any]:
    """Measure the calls of one who calls every cell ALL; its p(ALL) would mean nothing."""
    actual, _ = arrays(predictions)
    return measure_calls(actual, np.ones_like(actual))


def size_only_p_all(training: pd.DataFrame, areas: Floats) -> tuple[Floats | None, str | None]:
    """Return p(ALL) of cells by their area alone: a logistic regression on the training cells.

    Args:
        training: columns label (hem or all) and area (share of the image, 0…1).
        areas: of the cells to tell.

    Returns:
        p(ALL) of each, to P_ALL_DECIMALS, and None; or None and why it cannot be fitted.
    """
    if training["label"].nunique() < 2:
        return None, "the training cells are not of both classes"
    if training["area"].nunique() < 2:
        return None, "the training cells are all of one size"
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(training[["area"]].to_numpy(float), training["label"] == "all")
    p_all = model.predict_proba(areas.reshape(-1, 1))[:, 1]
    return p_all.round(P_ALL_DECIMALS), None
