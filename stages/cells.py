"""The table of cells: its columns, the names of images, its CSV file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.errors import StageError
from stages.files import write_csv

CLASS_NAMES = ("hem", "all")
"""In the order of the model's outputs: the label is the index, ALL is the positive class."""

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

_IMAGE_NAME = re.compile(
    r"UID_(?P<subject>[Hh]?[1-9]\d*)_(?P<field>\d+)_(?P<cell>\d+)_(?P<label>all|hem)\.bmp",
    re.ASCII,
)


@dataclass(frozen=True)
class ImageName:
    """What the name of an image says of its cell.

    `subject` is in upper case: the set spells subject H3 as h3. `field` is the microscope field
    within the subject, `cell` the cell within the field, `label` one of CLASS_NAMES.
    """

    subject: str
    field: int
    cell: int
    label: str


def parse_image_name(name: str) -> ImageName:
    """Parse `UID_<subject>_<field>_<cell>_{all,hem}.bmp`; healthy subjects carry an H.

    Raises:
        StageError: if `name` has another form, or its class and the subject's H disagree.
    """
    match = _IMAGE_NAME.fullmatch(name)
    if match is None:
        raise StageError(
            f"{name}: expected an image name of the form "
            "UID_<subject>_<field>_<cell>_all.bmp or …_hem.bmp"
        )
    subject = match["subject"].upper()
    healthy = subject.startswith("H")
    if healthy != (match["label"] == "hem"):
        raise StageError(
            f"{name}: subject {subject} is {'healthy' if healthy else 'a patient'} by its name, "
            f"but the class is {match['label']}; expected hem for H subjects and all for others"
        )
    return ImageName(subject, int(match["field"]), int(match["cell"]), match["label"])


def write_cells(cells: pd.DataFrame, path: Path) -> None:
    """Write the table of cells (one row a cell, columns COLUMNS) as CSV, atomically."""
    write_csv(cells[list(COLUMNS)], path)


def read_cells(path: Path) -> pd.DataFrame:
    """Read the table that `write_cells` wrote.

    Raises:
        StageError: on other columns, a value of another type, an unknown label or split, or an
            image that stands twice.
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
