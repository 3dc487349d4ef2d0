"""The curves of the report, which are DVC plots, too. Pure; ALL is positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from stages.statistics.metrics import DECIMALS


@dataclass(frozen=True)
class Curves:
    """What the report draws of the test cells.

    Attributes:
        roc: columns false_positive_rate, true_positive_rate, threshold.
        precision_recall: columns recall, precision, threshold.
        reliability: a row a bin of p(ALL): low, high, cells, mean_p_all, all_share.
        reliability_calibrated: the same with the logits divided by the temperature; None where
            there is no temperature.
    """

    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    reliability: pd.DataFrame
    reliability_calibrated: pd.DataFrame | None


def precision_recall_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the corners of the precision-recall curve, from recall 1 to (0, 1).

    Args:
        predictions: rows of predictions.csv (label, p_all), one at least of ALL.

    Returns:
        Columns recall, precision, threshold. At the last point nothing is called ALL: its
        threshold is 2, as no p(ALL) reaches it.
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
