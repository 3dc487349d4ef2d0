"""The table of what each cell looks like, as preprocess measures it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.cell_table import sets_of

APPEARANCE_COLUMNS = (
    *("set", "image", "area", "brightness", "red", "green", "blue"),
    "uniform_background",
)


def read_appearance(path: Path) -> pd.DataFrame:
    """Read how each cell looks, as preprocess measured it: columns APPEARANCE_COLUMNS.

    Raises:
        StageError: if it is missing or malformed.
    """
    remedy = "make it again with `dvc repro --force --single-item preprocess`"
    try:
        table = pd.read_csv(path, dtype={"set": str, "image": str}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {remedy}") from error
    missing = [column for column in APPEARANCE_COLUMNS if column not in table]
    if missing:
        raise StageError(f"{path} lacks columns {', '.join(missing)}; {remedy}")
    return table


def add_appearance(
    predictions: pd.DataFrame, appearances: pd.DataFrame, path: Path
) -> pd.DataFrame:
    """Add the area and brightness of its cell to each row of predictions.

    Args:
        predictions: or any table of cells: columns `image` and `split`.
        appearances: from `read_appearance`.
        path: of the appearances, for the error.

    Raises:
        StageError: if the table of appearances lacks a cell, or lists one twice.
    """
    known = appearances.set_index(["set", "image"])[["area", "brightness"]]
    wanted = set_and_image(predictions)
    missing = wanted[~wanted.isin(known.index)].tolist()
    if missing or known.index.has_duplicates:
        lack = f"lacks {missing[0][1]}" if missing else "lists a cell twice"
        raise StageError(
            f"{path} {lack}; expected each cell of the shards once; make it again with "
            "`dvc repro --force --single-item preprocess`"
        )
    found = known.loc[wanted].reset_index(drop=True)
    return pd.concat([predictions.reset_index(drop=True), found], axis=1)


def set_and_image(cells: pd.DataFrame) -> pd.MultiIndex:
    """Return the set and the image of each cell: names of images are unique in a set alone."""
    return pd.MultiIndex.from_arrays([sets_of(cells), cells["image"]])
