"""The table of cells: its columns and its CSV file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import write_csv
from stages.dataset.classes import CLASS_NAMES

SPLITS = ("train", "val", "test", "external")

COLUMNS = ("image", "member", "label", "subject", "field", "cell", "fold", "group", "split")
"""All of them are texts. `subject`, `field`, `cell` and `fold` are empty where they are unknown."""


def carried_columns(cells: pd.DataFrame) -> list[str]:
    """Return the columns that the table has beside COLUMNS: those of the user's own table."""
    return [column for column in cells.columns if column not in COLUMNS]


def write_cells(cells: pd.DataFrame, path: Path) -> None:
    """Write the table of cells (a row per cell, COLUMNS, then carried ones) as CSV, atomically."""
    write_csv(cells[[*COLUMNS, *carried_columns(cells)]], path)


def read_cells(path: Path) -> pd.DataFrame:
    """Read the table that `write_cells` wrote.

    Raises:
        StageError: on wrong columns, an unknown label or split, or a repeated image.
    """
    try:
        cells = pd.read_csv(path, dtype="str", keep_default_na=False)
    except ValueError as error:
        raise StageError(f"{path}: {' '.join(str(error).split())}. {_REBUILD}") from error
    if tuple(cells.columns[: len(COLUMNS)]) != COLUMNS:
        raise StageError(
            f"{path}: columns are {', '.join(cells.columns)}; expected {', '.join(COLUMNS)}, then "
            f"those of your own table. {_REBUILD}"
        )
    for column, known in (("label", CLASS_NAMES), ("split", SPLITS)):
        unknown = cells[~cells[column].isin(known)]
        if len(unknown):
            first = unknown.iloc[0]
            raise StageError(
                f"{path}: {column} of {first['image']} is {first[column]!r}, expected one of "
                f"{', '.join(known)}. {_REBUILD}"
            )
    repeated = cells[cells["image"].duplicated()]
    if len(repeated):
        raise StageError(f"{path}: {repeated.iloc[0]['image']} stands in two rows. {_REBUILD}")
    return cells


_REBUILD = "Make it again with `dvc repro --force split`."
