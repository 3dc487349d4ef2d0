"""Put what was settled before the test beside each cell that is to be measured.

Thresholds and temperature are settled by validation, the size-only classifier by training. In a
cross-validation each fold has its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.statistics.baselines import size_only_p_all
from stages.statistics.tuning import Tuning, calibrated_p_all


@dataclass(frozen=True)
class Frozen:
    """Cells with all that was settled before they were measured.

    Attributes:
        predictions: rows of predictions.csv with further columns operating_threshold,
            p_all_calibrated (after temperature scaling) and p_all_size_only (by the area alone).
        missing: why one of these columns is of no use, by the name of the section that needs it:
            operating_point, calibrated, size_only.
    """

    predictions: pd.DataFrame
    missing: Mapping[str, str]


def freeze(predictions: pd.DataFrame, tuning: Tuning, *, training: pd.DataFrame) -> Frozen:
    """Apply the tuning, and the size-only classifier of the training cells.

    Args:
        predictions: rows of predictions.csv, of any split.
        tuning: of the model that predicted them, by its validation cells.
        training: columns label and area of the training cells.
    """
    calibrated = calibrated_p_all(predictions, tuning)
    size_only, no_size_only = size_only_p_all(training, predictions["area"].to_numpy(float))
    missing = {
        "operating_point": tuning.no_threshold and f"no operating point: {tuning.no_threshold}",
        "calibrated": tuning.no_temperature and f"no calibration: {tuning.no_temperature}",
        "size_only": no_size_only and f"no size-only classifier: {no_size_only}",
    }
    return Frozen(
        predictions.assign(
            operating_threshold=tuning.operating_threshold or np.nan,
            p_all_calibrated=np.nan if calibrated is None else calibrated,
            p_all_size_only=np.nan if size_only is None else size_only,
        ),
        {name: reason for name, reason in missing.items() if reason},
    )


def together(parts: Sequence[Frozen]) -> Frozen:
    """Return the cells of several models as one; what one of them lacks, all lack."""
    missing = {name: reason for part in parts for name, reason in part.missing.items()}
    return Frozen(pd.concat([part.predictions for part in parts], ignore_index=True), missing)
