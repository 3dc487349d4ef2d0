"""List the cells in the dataset archive.

In Kaggle's layout they follow from image names and the label file, in an archive of own cells from
its table; see archive_layout.py and archive_metadata.py.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.archive import ArchiveError, list_members, read_member, refuse
from stages.dataset.archive_layout import (
    LABEL_FOLDER,
    PRELIMINARY,
    PRELIMINARY_FOLDER,
    PRELIMINARY_LABELS,
    TRAINING_FOLDER,
    canonical_folder,
    is_image,
    is_other_image,
    refuse_missing_classes,
)
from stages.dataset.archive_metadata import IDENTITY, IMAGES, has_metadata, read_metadata
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_names import ImageName, parse_image_name

_CELL_COLUMNS = ("image", "member", "label", *IDENTITY)
_LABEL_COLUMNS = ["Patient_ID", "new_names", "labels"]


def training_cells(archive: zipfile.ZipFile) -> pd.DataFrame:
    """List the labelled training images, sorted by image name.

    Returns:
        One row per cell, all texts: image (file name; of own cells their path), member (path in the
        archive), label, subject, field, cell, fold (`fold_0`, …; the official folds). Of own cells
        the last four are empty where they are unknown; `split` follows if their table has it, and
        then its other columns.

    Raises:
        ArchiveError: if a name does not parse, an image is outside the class folders or in the
            folder of the other class, an image or a cell is repeated, or a class is missing; of own
            cells, if their table is malformed.
    """
    if has_metadata(archive):
        return _own_cells(archive)
    members = list_members(archive)
    rows, faults = [], []
    for member in members:
        try:
            rows += _training_row(member)
        except ArchiveError as error:
            faults.append(str(error))
    refuse(faults)
    cells = _table(rows)
    refuse_missing_classes(set(cells["label"]), members)
    return cells


def _own_cells(archive: zipfile.ZipFile) -> pd.DataFrame:
    table = read_metadata(archive)
    member = table.pop("file_name")
    image = member.str.removeprefix(IMAGES)
    known = pd.DataFrame({"image": image, "member": member, "label": table.pop("label")})
    for column in IDENTITY:
        known[column] = table.pop(column) if column in table else ""
    return pd.concat([known.astype("str"), table], axis="columns")


def _training_row(member: str) -> list[tuple[str, ...]]:
    """Return the row of a training image; none for another file."""
    folder = canonical_folder(member)
    if folder is None or not folder.startswith(f"{TRAINING_FOLDER}/"):
        return []
    _, fold, label = folder.split("/")
    name = PurePosixPath(member).name
    parsed = _parse(member, name)
    if parsed.label != label:
        raise ArchiveError(
            f"{member} is of class {parsed.label} by its name, but lies in a folder of "
            f"class {label}"
        )
    return [(name, member, *_name_fields(parsed), fold)]


def external_cells(archive: zipfile.ZipFile) -> pd.DataFrame:
    """List the preliminary-test images in the archive, with labels from its label file.

    Returns:
        The columns of `training_cells`, sorted by image name; fold is `preliminary`. Empty if
        the archive has no such images, as one of own cells.

    Raises:
        ArchiveError: if there are images but no label file; if the label file has wrong columns,
            labels that contradict its names, two rows for a name, or no row for an image; or if
            an image or a cell is repeated.
    """
    if has_metadata(archive):
        return _table([])
    files = [
        member for member in list_members(archive) if canonical_folder(member) == PRELIMINARY_FOLDER
    ]
    members = [member for member in files if is_image(member)]
    faults = [f"{file}: expected a .bmp" for file in files if is_other_image(file)]
    labels = _preliminary_labels(archive) if members else {}
    rows = []
    for member in members:
        name = PurePosixPath(member).name
        if name in labels:
            original = parse_image_name(labels[name])
            rows.append((name, member, *_name_fields(original), "preliminary"))
        else:
            faults.append(f"{PRELIMINARY_LABELS} has no row for {name}")
    refuse(faults)
    return _table(rows)


def _parse(where: str, name: str) -> ImageName:
    try:
        return parse_image_name(name)
    except StageError as error:
        raise ArchiveError(f"{where}: {error}") from error


def _name_fields(name: ImageName) -> tuple[str, str, str, str]:
    return name.label, name.subject, str(name.field), str(name.cell)


def _table(rows: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    cells = pd.DataFrame(rows, columns=list(_CELL_COLUMNS)).astype("str")  # also if it is empty
    cells = cells.sort_values("image", ignore_index=True)
    _refuse_repeated(cells, ["image"], problem="one image name stands twice")
    _refuse_repeated(
        cells, ["subject", "field", "cell"], problem="one cell stands twice, under two spellings"
    )
    return cells


def _refuse_repeated(cells: pd.DataFrame, columns: list[str], *, problem: str) -> None:
    repeated = cells[cells.duplicated(columns)]
    if len(repeated):
        alike = (cells[columns] == repeated[columns].iloc[0]).all(axis=1)
        raise ArchiveError(f"{problem}: {', '.join(sorted(cells.loc[alike, 'member']))}")


def _preliminary_labels(archive: zipfile.ZipFile) -> dict[str, str]:
    """Map the new name of each preliminary-test image to its original name, with the label."""
    member = _label_file(archive)
    originals: dict[str, str] = {}
    for original, name, given in _read_labels(archive, member).itertuples(index=False):
        label = _parse(member, original).label
        if given != str(CLASS_NAMES.index(label)):
            raise ArchiveError(
                f"{member} labels {original} as {given!r}; "
                f"expected {CLASS_NAMES.index(label)} for {label}"
            )
        if name in originals:
            raise ArchiveError(f"{member} has two rows for {name}")
        originals[name] = original
    return originals


def _label_file(archive: zipfile.ZipFile) -> str:
    files = [name for name in list_members(archive) if canonical_folder(name) == LABEL_FOLDER]
    if len(files) != 1:
        raise ArchiveError(
            f"expected one {PRELIMINARY_LABELS} beside the images of {PRELIMINARY}, "
            f"found {len(files)}"
        )
    return files[0]


def _read_labels(archive: zipfile.ZipFile, member: str) -> pd.DataFrame:
    content = io.BytesIO(read_member(archive, member))
    try:
        table = pd.read_csv(content, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own errors, and bytes that are not UTF-8
        raise ArchiveError(f"{member} cannot be read as CSV ({error})") from error
    if list(table.columns) != _LABEL_COLUMNS:
        raise ArchiveError(
            f"{member} has columns {', '.join(table.columns)}; expected {', '.join(_LABEL_COLUMNS)}"
        )
    return table
