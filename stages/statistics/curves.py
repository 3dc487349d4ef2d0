"""Compute curves for the report and the DVC plots. Pure functions; ALL is the positive class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from stages.statistics.metrics import DECIMALS


@dataclass(frozen=True)
class Curves:
    """The curves of the test cells.

    Attributes:
        roc: columns false_positive_rate, true_positive_rate, threshold.
        precision_recall: columns recall, precision, threshold.
        reliability: one row per bin of p(ALL): low, high, cells, mean_p_all, all_share.
        reliability_calibrated: the same after temperature scaling; None without a temperature.
    """

    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    reliability: pd.DataFrame
    reliability_calibrated: pd.DataFrame | None


def precision_recall_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the precision-recall curve, from recall 1 to (0, 1).

    Args:
        predictions: rows of predictions.csv (label, p_all), at least one of them ALL.

    Returns:
        Columns recall, precision, threshold. At the last point no cell is called ALL: its
        threshold is 2, which no p(ALL) reaches.
    """
    precision, recall, threshold = precision_recall_curve(
        predictions["label"] == "all", predictions["p_all"]
    )
    return pd.DataFrame(
        {
            "recall": recall.round(DECIMALS),
            "precision": precision.round(DECIMALS),
            "threshold": np.append(threshold, 2),
        }
    )
