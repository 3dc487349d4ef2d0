"""Add the columns that a set's own table carries along, and that are to be measured by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.cell_table import carried_columns

MOST_GROUPS = 30
"""Most values of a column: more are no groups, and each of them is resampled."""

_TAKEN = ("p_all", "logit", "p_all_tta", "logit_tta", "area", "brightness")


def require_subgroups(cells: pd.DataFrame, names: Sequence[str], path: Path) -> None:
    """Check the columns to measure by against the table of cells at `path`.

    Raises:
        StageError: if the table carries no such column, or one has another column's name in
            predictions.csv or too many values.
    """
    available = [name for name in carried_columns(cells) if name not in _TAKEN]
    for name in names:
        if name not in available:
            listed = ", ".join(available) or "none: the set's own table has no further columns"
            raise StageError(
                f"evaluate.subgroups names {name!r}, which {path} does not carry along; "
                f"available: {listed}. Correct it in params.yaml"
            )
        values = cells[name].nunique()
        if values > MOST_GROUPS:
            raise StageError(
                f"evaluate.subgroups names {name!r}, which has {values:,} values in {path}, "
                f"expected at most {MOST_GROUPS}; put bands of it into the set's own table"
            )


def add_subgroups(
    predictions: pd.DataFrame, cells: pd.DataFrame, names: Sequence[str]
) -> pd.DataFrame:
    """Add the columns `names` of its cell to each row of predictions; a missing value is empty."""
    known = cells.set_index(["split", "image"])[list(dict.fromkeys(names))].fillna("")
    wanted = pd.MultiIndex.from_frame(predictions[["split", "image"]])
    found = known.loc[wanted].reset_index(drop=True)
    return pd.concat([predictions.reset_index(drop=True), found], axis=1)
