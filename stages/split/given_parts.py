"""Take over a split that is given: by a published table, or by the archive itself."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.part_names import PART_NAMES
from stages.split.assign import lacking_classes

_COLUMNS = ("image", "split")


def given_parts(cells: pd.DataFrame, table: Path) -> list[str]:
    """Return the part that is given for each cell.

    Args:
        cells: one row per cell, with columns `image` and `label`, and `split` where the archive has
            parts.
        table: CSV with the columns `image` and `split`, as published. Where it has no rows, the
            archive's own parts are taken.

    Returns:
        One of PART_NAMES' values for each row of `cells`.

    Raises:
        StageError: if neither gives a part, or not for each cell; if a part has no cells of a
            class; if the table is malformed, or names a cell twice or one that the archive lacks.
    """
    published = _read(table)
    if not published.empty:
        parts = cells["image"].map(published)
        _refuse_surplus(published.index.difference(cells["image"].tolist()), table)
    elif "split" in cells:
        parts = cells["split"].where(cells["split"] != "")
    else:
        raise StageError(
            f"split.strategy is given, but {table} has no rows, and the archive does not say which "
            "image is for what; put a table with the columns image and split there, or bring in a "
            "set with folders train, val and test or a column split"
        )
    without = cells.loc[parts.isna(), "image"].tolist()
    if without:
        where = "the archive" if published.empty else str(table)
        raise StageError(
            f"split.strategy is given, but {where} has no part for {len(without):,} of "
            f"{len(cells):,} images (first: {without[0]}); give each one of "
            f"{', '.join(dict.fromkeys(PART_NAMES.values()))}"
        )
    if lacking := lacking_classes(parts.tolist(), cells["label"]):
        raise StageError(
            f"split.strategy is given, and in the given split {', '.join(lacking)}; expected cells "
            "of both classes in each part"
        )
    return parts.tolist()


def _read(table: Path) -> pd.Series:
    """Return the part of each image, indexed by image."""
    try:
        rows = pd.read_csv(table, dtype="str", keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StageError(f"{table} cannot be read ({' '.join(str(error).split())})") from error
    if missing := [column for column in _COLUMNS if column not in rows]:
        raise StageError(
            f"{table} has columns {', '.join(rows.columns)}, but no {' and no '.join(missing)}; "
            "expected image and split"
        )
    images = [unicodedata.normalize("NFC", image) for image in rows["image"]]
    parts = pd.Series(rows["split"].str.strip().str.lower().to_numpy(), index=images, dtype="str")
    unknown = parts[~parts.isin(PART_NAMES)]
    if len(unknown):
        raise StageError(
            f"{table}: split of {unknown.index[0]} is {unknown.iloc[0]!r}; expected one of "
            f"{', '.join(PART_NAMES)}"
        )
    if parts.index.has_duplicates:
        twice = parts.index[parts.index.duplicated()][0]
        raise StageError(f"{table} has two rows for {twice}; leave one of them out")
    return parts.map(PART_NAMES)


def _refuse_surplus(surplus: pd.Index, table: Path) -> None:
    if len(surplus):
        raise StageError(
            f"{table} names {len(surplus):,} images that the archive lacks (first: {surplus[0]}); "
            "the split is of another set, or of more images: compare both, or remove these rows"
        )
