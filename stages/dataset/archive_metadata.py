"""The table in an archive of own cells: `metadata.csv`, one row per image under `images/`.

    metadata.csv          file_name, label, then of GIVEN what is known, then the user's own columns
    images/…              the images, as their own bytes

The stage download makes this form of every set that has not Kaggle's layout. A cell is identified
by the path of its image below `images/`.
"""

from __future__ import annotations

import io
import zipfile

import pandas as pd

from stages.dataset.archive import ArchiveError, read_member
from stages.dataset.classes import CLASS_NAMES

METADATA = "metadata.csv"
IMAGES = "images/"

IDENTITY = ("subject", "field", "cell", "fold")
GIVEN = (*IDENTITY, "split")
"""Columns that a table may have beside `file_name` and `label`; empty where they are unknown."""


def has_metadata(archive: zipfile.ZipFile) -> bool:
    """Return whether the archive is of own cells, and not of Kaggle's layout."""
    return METADATA in archive.namelist()


def metadata_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as the bytes of its file, sorted by file name."""
    ordered = table.sort_values("file_name")
    text: str = ordered.to_csv(index=False, lineterminator="\n")
    return text.encode()


def read_metadata(archive: zipfile.ZipFile) -> pd.DataFrame:
    """Read the table: texts, one row per image, sorted by file name.

    Raises:
        ArchiveError: if the table lacks a column, names an image twice or one that is not in the
            archive, or has an unknown class.
    """
    content = io.BytesIO(read_member(archive, METADATA))
    try:
        table = pd.read_csv(content, dtype="str", keep_default_na=False)
    except ValueError as error:  # pandas' own errors, and bytes that are not UTF-8
        raise ArchiveError(f"{METADATA} cannot be read as CSV ({error})") from error
    if missing := {"file_name", "label"}.difference(table.columns):
        raise ArchiveError(f"{METADATA} has no column {' and '.join(sorted(missing))}")
    known = table["file_name"].isin(archive.namelist()) & table["label"].isin(CLASS_NAMES)
    wrong = table[~known | table["file_name"].duplicated()]
    if len(wrong):
        row = wrong.iloc[0]
        raise ArchiveError(
            f"{METADATA} lists {row['file_name']} of class {row['label']}; expected each image of "
            f"the archive once, of class {' or '.join(CLASS_NAMES)}"
        )
    return table.sort_values("file_name", ignore_index=True)
