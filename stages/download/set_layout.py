"""Recognize how a set is laid out: as Kaggle's, as class folders, or with a table beside images.

Class folders are `…/<class>/<image>`, as torchvision and Keras read them. Folders `train`, `val`
and `test` above them say what an image is for. A table is `metadata.csv` beside images, as Hugging
Face has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.archive_layout import FINAL, PRELIMINARY, PRELIMINARY_LABELS, kinds_of_files
from stages.dataset.archive_metadata import IMAGES
from stages.dataset.part_names import PART_NAMES

KAGGLE, CLASS_FOLDERS, TABLE = "Kaggle's", "class folders", "table"

_TABLES = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.parquet")
_KAGGLE_NAME = re.compile(r"UID_[Hh]?\d+_\d+_\d+_(all|hem)\.\w+", re.ASCII)
_READ = (".bmp", ".dib", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp")
_NOT_READ = (".gif", ".jp2", ".heic", ".heif", ".avif", ".ppm", ".pgm", ".tga", ".svs", ".dcm")
"""Images of these names are taken, so that they are refused and not left out unseen."""


class SetError(StageError):
    """A fault in a set. Whoever knows the name of the set puts it before."""


def layout_of(names: Iterable[str]) -> str:
    """Return the layout of a set with these files: KAGGLE, CLASS_FOLDERS or TABLE."""
    paths = [PurePosixPath(name) for name in names]
    if tables_among(names := [str(path) for path in paths]):
        return TABLE
    return KAGGLE if any(map(_is_kaggles, paths)) else CLASS_FOLDERS


def _is_kaggles(path: PurePosixPath) -> bool:
    known = path.name == PRELIMINARY_LABELS or path.parent.name in (PRELIMINARY, FINAL)
    return known or _KAGGLE_NAME.fullmatch(path.name) is not None


def tables_among(names: Iterable[str]) -> list[str]:
    """Return the files that are tables of a set, by their name."""
    return [name for name in names if PurePosixPath(name).name.lower() in _TABLES]


def images_in_class_folders(names: Sequence[str]) -> pd.DataFrame:
    """List the images of class folders.

    Returns:
        One row per image, all texts: source (its path in the set), file_name (its path in the
        archive), label (its folder), and split, if any image is below a folder named as a part.

    Raises:
        SetError: if there are no images, or one is outside of a folder.
    """
    images = [name for name in names if is_image(name)]
    if not images:
        raise SetError(
            "no images; expected class folders (…/<class>/<image>), a metadata.csv beside images, "
            "or the layout of Kaggle's andrewmvd/leukemia-classification, found "
            f"{kinds_of_files(names)}; docs/own-data.md shows each"
        )
    outside = [name for name in images if "/" not in name]
    if outside:
        raise SetError(
            f"{len(outside):,} images, such as {outside[0]}, are in no class folder; expected "
            "…/<class>/<image>, or a metadata.csv beside the images"
        )
    folders = [PurePosixPath(name).parts[:-1] for name in images]
    table = pd.DataFrame(
        {
            "source": images,
            "file_name": archive_names(images),
            "label": [parts[-1] for parts in folders],
            "split": [part_of_folders(parts[:-1]) for parts in folders],
        }
    )
    return table if table["split"].any() else table.drop(columns="split")


def is_image(name: str) -> bool:
    """Return whether a file is taken for an image, by the ending of its name."""
    return name.lower().endswith(_READ + _NOT_READ)


def part_of_folders(folders: Sequence[str]) -> str:
    """Return the part that the innermost folder named as one stands for; empty if there is none."""
    parts = (
        PART_NAMES[folder.lower()] for folder in reversed(folders) if folder.lower() in PART_NAMES
    )
    return next(parts, "")


def archive_names(names: Sequence[str]) -> list[str]:
    """Return the names of images in the archive: below `images/`, without folders that all share.

    Raises:
        SetError: if two images would have one name.
    """
    whole = [composed(name) for name in names]
    shared = _shared_folder(whole)
    below = [f"{IMAGES}{name.removeprefix(shared)}" for name in whole]
    seen: dict[str, str] = {}
    for name, kept in zip(names, below, strict=True):
        if kept in seen:
            raise SetError(f"{seen[kept]!a} and {name!a} have the same name; rename one of them")
        seen[kept] = name
    return below


def composed(name: str) -> str:
    """Return a name with composed letters (NFC): on some disks of macOS ü is u and two dots."""
    return unicodedata.normalize("NFC", name)


def _shared_folder(names: Sequence[str]) -> str:
    """Return the folders that all files share, with a slash at the end if there are any."""
    first, last = (name.split("/")[:-1] for name in (min(names), max(names)))
    shared = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        shared.append(f"{one}/")
    return "".join(shared)
