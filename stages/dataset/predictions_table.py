"""The table of predictions: the decimals of its columns, and its CSV file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.common.files import write_csv

P_ALL_DECIMALS = 8
"""Decimals of p(ALL). The metrics use these rounded values."""

LOGIT_DECIMALS = 6
"""Decimals of the logit."""


def write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    """Write a table of predictions as CSV, atomically, with p(ALL) to P_ALL_DECIMALS."""
    p_all = [name for name in ("p_all", "p_all_tta") if name in predictions]
    fixed = {name: predictions[name].map(f"{{:.{P_ALL_DECIMALS}f}}".format) for name in p_all}
    write_csv(predictions.assign(**fixed), path)
