"""The table of cells: its columns and its CSV file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import write_csv
from stages.dataset.classes import CLASS_NAMES

SPLITS = ("train", "val", "test", "external")

COLUMNS = {
    "image": "str",
    "member": "str",
    "label": "str",
    "subject": "str",
    "field": "int64",
    "cell": "int64",
    "fold": "str",
    "group": "str",
    "split": "str",
}


def write_cells(cells: pd.DataFrame, path: Path) -> None:
    """Write the table of cells (one row per cell, columns COLUMNS) as CSV, atomically."""
    write_csv(cells[list(COLUMNS)], path)


def read_cells(path: Path) -> pd.DataFrame:
    """Read the table that `write_cells` wrote.

    Raises:
        StageError: on wrong columns, a value of the wrong type, an unknown label or split, or a
            repeated image.
    """
    try:
        cells = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
    except (ValueError, OverflowError) as error:
        raise StageError(f"{path}: {' '.join(str(error).split())}. {_REBUILD}") from error
    if list(cells.columns) != list(COLUMNS):
        raise StageError(
            f"{path}: columns are {', '.join(cells.columns)}; expected {', '.join(COLUMNS)}. "
            + _REBUILD
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
