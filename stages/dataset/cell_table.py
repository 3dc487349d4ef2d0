"""The table of cells: its columns and its CSV file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import write_csv
from stages.dataset.classes import CLASS_NAMES

SPLITS = ("train", "val", "test")
"""The parts of the main archive's cells. Each external set is a part of its own name."""

PRELIMINARY = "external"
"""Name of C-NMC's preliminary test set as a part."""

TRAINING = "training"
"""Name of the cells of SPLITS as one set."""

COLUMNS = ("image", "member", "label", "subject", "field", "cell", "fold", "group", "split")
"""All of them are texts. `subject`, `field`, `cell` and `fold` are empty where they are unknown."""


def carried_columns(cells: pd.DataFrame) -> list[str]:
    """Return the columns that the table has beside COLUMNS: those of the user's own table."""
    return [column for column in cells.columns if column not in COLUMNS]


def write_cells(cells: pd.DataFrame, path: Path) -> None:
    """Write the table of cells (a row per cell, COLUMNS, then carried ones) as CSV, atomically."""
    write_csv(cells[[*COLUMNS, *carried_columns(cells)]], path)


def external_parts(cells: pd.DataFrame) -> list[str]:
    """Return the names of the external sets among the parts of a table, in its order."""
    return [str(part) for part in cells["split"].unique() if part not in SPLITS]


def sets_of(cells: pd.DataFrame) -> pd.Series:
    """Return the name of the set of each cell: TRAINING, or its part, an external set."""
    return cells["split"].where(~cells["split"].isin(SPLITS), TRAINING)


def read_cells(path: Path, *, external: bool = False) -> pd.DataFrame:
    """Read the table that `write_cells` wrote.

    Args:
        path: the table.
        external: whether it is that of the external sets, whose names are in `split`.

    Raises:
        StageError: on wrong columns, an unknown label or split, or an image that stands twice (of
            external sets: in one set).
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
    allowed = {"label": CLASS_NAMES} | ({} if external else {"split": SPLITS})
    for column, known in allowed.items():
        unknown = cells[~cells[column].isin(known)]
        if len(unknown):
            first = unknown.iloc[0]
            raise StageError(
                f"{path}: {column} of {first['image']} is {first[column]!r}, expected one of "
                f"{', '.join(known)}. {_REBUILD}"
            )
    repeated = cells[cells.duplicated(["split", "image"] if external else ["image"])]
    if len(repeated):
        raise StageError(f"{path}: {repeated.iloc[0]['image']} stands in two rows. {_REBUILD}")
    return cells


_REBUILD = "Make it again with `dvc repro --force --single-item split`."
