"""The dataset archive: a zip in the layout of Kaggle's C-NMC 2019, read in place, never unpacked.

    …/training_data/fold_{0,1,2}/{all,hem}/UID_<subject>_<field>_<cell>_{all,hem}.bmp
    …/validation_data/C-NMC_test_prelim_phase_data/<number>.bmp
    …/validation_data/C-NMC_test_prelim_phase_data_labels.csv

The images of the final test phase have no public labels and are not read.
"""

from __future__ import annotations

import io
import lzma
import os
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd

from stages.cells import CLASS_NAMES, COLUMNS, ImageName, parse_image_name
from stages.errors import StageError
from stages.progress import progress

SYNTHETIC_MARK = b"synthetic cells drawn by this project: no microscope images"
"""The comment of an archive of built-in cells, by which every stage can tell it."""

PRELIMINARY = "C-NMC_test_prelim_phase_data"
PRELIMINARY_LABELS = f"{PRELIMINARY}_labels.csv"
_FOLD = re.compile(r"fold_\d+", re.ASCII)
_CELL_COLUMNS = ("image", "member", "label", "subject", "field", "cell", "fold")


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open the archive for reading. Raises StageError if it is missing or not a zip."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise StageError(
            f"{path} is missing: expected the dataset archive; run `dvc repro download`"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise StageError(
            f"{path} is not a zip archive, or it is damaged or cut off ({error}); "
            "bring it in again with `dvc repro --force download`"
        ) from error


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return the bytes of a member. Raises StageError if it is missing or its CRC-32 is wrong."""
    try:
        return archive.read(member)
    except KeyError as error:
        raise StageError(
            f"{archive.filename}: {member} is missing, though it is listed; "
            "make the list again with `dvc repro --force split`"
        ) from error
    except RuntimeError as error:  # NotImplementedError is one
        raise StageError(
            f"{archive.filename}: {member} cannot be unpacked ({error}); expected a zip without "
            "a password, its members stored or compressed by deflate, bzip2 or LZMA"
        ) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise StageError(
            f"{archive.filename}: {member} is corrupt ({str(error) or 'it ends early'}); "
            "bring the archive in again with `dvc repro --force download`"
        ) from error


def is_synthetic(archive: zipfile.ZipFile) -> bool:
    """Tell whether the archive holds built-in cells and not microscope images."""
    return archive.comment == SYNTHETIC_MARK


def training_cells(archive: zipfile.ZipFile) -> pd.DataFrame:
    """List the labelled training images, sorted by image name.

    Returns:
        One row a cell: image (file name), member (path in the archive), label, subject, field,
        cell, fold (`fold_0`, …; the official folds).

    Raises:
        StageError: if a name does not parse, a class folder holds an image of the other class,
            an image stands twice, or fewer than two classes are there.
    """
    rows = []
    for member in _files(archive):
        *folders, name = PurePosixPath(member).parts
        folds = [folder for folder in folders if _FOLD.fullmatch(folder)]
        if "training_data" not in folders:
            continue
        if not folds or folders[-1] not in CLASS_NAMES:
            _refuse_stray_image(member, archive)
            continue
        parsed = _parse(f"{archive.filename}: {member}", name)
        if parsed.label != folders[-1]:
            raise StageError(
                f"{archive.filename}: {member} is of class {parsed.label} by its name, but lies "
                f"in a folder of class {folders[-1]}"
            )
        rows.append((name, member, *_identity(parsed), folds[-1]))
    cells = _table(rows, archive)
    missing = sorted(set(CLASS_NAMES) - set(cells["label"]))
    if missing:
        raise StageError(
            f"{archive.filename}: no training images of class {' and '.join(missing)}; expected "
            "…/training_data/fold_0/{all,hem}/UID_….bmp as in Kaggle's "
            "andrewmvd/leukemia-classification"
        )
    return cells


def external_cells(archive: zipfile.ZipFile) -> pd.DataFrame:
    """List the preliminary-test images that have pixels here and a label in the label file.

    Returns:
        The columns of `training_cells`, sorted by image name; fold is `preliminary`. Empty where
        the archive has no such images.

    Raises:
        StageError: if there are images but no label file, or if it has other columns, labels
            that contradict the names in it, two rows for a name, or no row for an image; or if
            an image stands twice.
    """
    members = [
        member
        for member in _files(archive)
        if PurePosixPath(member).parent.name == PRELIMINARY and _is_image(member)
    ]
    labels = _preliminary_labels(archive) if members else {}
    rows = []
    for member in members:
        name = PurePosixPath(member).name
        if name not in labels:
            raise StageError(f"{archive.filename}: {PRELIMINARY_LABELS} has no row for {name}")
        rows.append((name, member, *_identity(parse_image_name(labels[name])), "preliminary"))
    return _table(rows, archive)


def identical_images(archive: zipfile.ZipFile, members: Iterable[str]) -> list[list[str]]:
    """Find the members whose bytes are the same: candidates by CRC-32 and size, then by content.

    Returns:
        Groups of two or more members, each sorted, in the order of their first members.
    """
    candidates: dict[tuple[int, int], list[str]] = defaultdict(list)
    for member in sorted(members):
        info = archive.getinfo(member)
        candidates[info.CRC, info.file_size].append(member)
    groups: dict[tuple[tuple[int, int], bytes], list[str]] = defaultdict(list)
    for key, alike in candidates.items():
        if len(alike) > 1:
            for member in alike:
                groups[key, read_member(archive, member)].append(member)
    return sorted(group for group in groups.values() if len(group) > 1)


def verify_archive(path: Path) -> pd.DataFrame:
    """Check an archive on arrival: a zip, its layout, its names, and each member's CRC-32.

    Returns:
        The training cells and the external ones, in one table.

    Raises:
        StageError: on the first thing that is wrong.
    """
    with open_archive(path) as archive:
        cells = pd.concat([training_cells(archive), external_cells(archive)], ignore_index=True)
        members = _files(archive)
    workers = os.cpu_count() or 1
    portions = [members[start::workers] for start in range(workers)]
    with (
        progress(total=len(members), description="Verifying", unit="file") as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        for _ in pool.map(lambda portion: _check_crcs(path, portion, bar.update), portions):
            pass
    return cells


def _is_image(member: str) -> bool:
    return member.lower().endswith(".bmp")


def _refuse_stray_image(member: str, archive: zipfile.ZipFile) -> None:
    if _is_image(member):
        raise StageError(
            f"{archive.filename}: {member} lies outside the class folders; expected "
            "…/training_data/fold_0/{all,hem}/UID_….bmp"
        )


def _files(archive: zipfile.ZipFile) -> list[str]:
    return sorted(info.filename for info in archive.infolist() if not info.is_dir())


def _parse(where: str, name: str) -> ImageName:
    try:
        return parse_image_name(name)
    except StageError as error:
        raise StageError(f"{where}: {error}") from error


def _identity(name: ImageName) -> tuple[str, str, int, int]:
    return name.label, name.subject, name.field, name.cell


def _table(rows: Sequence[tuple[str | int, ...]], archive: zipfile.ZipFile) -> pd.DataFrame:
    types = {column: COLUMNS[column] for column in _CELL_COLUMNS}  # of an empty table, too
    cells = pd.DataFrame(rows, columns=list(types)).astype(types)
    cells = cells.sort_values("image", ignore_index=True)
    repeated = cells[cells["image"].duplicated(keep=False)]
    if len(repeated):
        first, second = repeated["member"].iloc[:2]
        raise StageError(f"{archive.filename}: one image name stands twice: {first}, {second}")
    return cells


def _preliminary_labels(archive: zipfile.ZipFile) -> dict[str, str]:
    """Map the new name of each preliminary-test image to its original one, which tells all."""
    member = _label_file(archive)
    where = f"{archive.filename}: {member}"
    originals: dict[str, str] = {}
    for original, name, given in _read_labels(archive, member).itertuples(index=False):
        label = _parse(where, original).label
        if given != str(CLASS_NAMES.index(label)):
            raise StageError(
                f"{where} labels {original} as {given!r}; "
                f"expected {CLASS_NAMES.index(label)} for {label}"
            )
        if name in originals:
            raise StageError(f"{where} has two rows for {name}")
        originals[name] = original
    return originals


def _label_file(archive: zipfile.ZipFile) -> str:
    files = [name for name in _files(archive) if PurePosixPath(name).name == PRELIMINARY_LABELS]
    if len(files) != 1:
        raise StageError(
            f"{archive.filename}: expected one {PRELIMINARY_LABELS} beside the images of "
            f"{PRELIMINARY}, found {len(files)}"
        )
    return files[0]


def _read_labels(archive: zipfile.ZipFile, member: str) -> pd.DataFrame:
    content = io.BytesIO(read_member(archive, member))
    try:
        table = pd.read_csv(content, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own errors, and bytes that are not UTF-8
        problem = " ".join(str(error).split())  # on one line
        raise StageError(
            f"{archive.filename}: {member} cannot be read as CSV ({problem})"
        ) from error
    expected = ["Patient_ID", "new_names", "labels"]
    if list(table.columns) != expected:
        raise StageError(
            f"{archive.filename}: {member} has columns {', '.join(table.columns)}; "
            f"expected {', '.join(expected)}"
        )
    return table


def _check_crcs(path: Path, members: list[str], advance: Callable[[int], object]) -> None:
    with open_archive(path) as archive:
        for member in members:
            read_member(archive, member)
            advance(1)
