"""Tune the operating threshold on validation alone, for a target sensitivity."""

from __future__ import annotations

import numpy as np
import pandas as pd


def operating_threshold(
    validation: pd.DataFrame, *, target_sensitivity: float
) -> tuple[float | None, str | None]:
    """Return the largest threshold with at least the target sensitivity on these cells.

    Args:
        validation: rows of predictions.csv.
        target_sensitivity: minimum share of the ALL cells to call ALL, above 0 and below 1.

    Returns:
        The threshold, which is the p(ALL) of a cell, and None; or None and why there is none.
    """
    descending = np.sort(validation.loc[validation["label"] == "all", "p_all"].to_numpy(float))[
        ::-1
    ]
    if not len(descending):
        return None, "validation holds no ALL cells to choose a threshold by"
    # n / cells and the target are both nearest float64s, so equal values compare as equal.
    found = np.arange(1, len(descending) + 1) / len(descending)
    return float(descending[np.argmax(found >= target_sensitivity)]), None
