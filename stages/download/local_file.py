"""Copy a file of this machine, and say what hides it if it is not there."""

from __future__ import annotations

import glob
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.download.origin import CHUNK
from stages.download.partial_file import check_space, disk_full_as_stage_error
from stages.download.source_address import expand_variables


def local_path(source: str) -> Path:
    """Return the path that a parameter names, with its variables and `~` filled in."""
    try:
        return Path(expand_variables(source)).expanduser()
    except RuntimeError as error:
        raise StageError(f"{source}: there is no such home folder; check the path") from error


def copy_file(source: Path, destination: Path, *, expected: str) -> None:
    """Copy a file. If it is not there, the error ends with what was `expected`."""
    if not source.is_file():
        raise StageError(f"{_in_one_line(source)} is not a file{_why_missing(source, expected)}")
    size = source.stat().st_size
    check_space(destination, destination, size=size, name=str(source))
    with (
        source.open("rb") as file,
        destination.open("wb") as copy,
        disk_full_as_stage_error(destination),
        progress(total=size, description="Copying", unit="B") as bar,
    ):
        for chunk in _chunks(file):
            bar.update(copy.write(chunk))


def _why_missing(source: Path, expected: str) -> str:
    """Return the rest of a sentence: what hides the file, or what was expected."""
    if source.exists():
        kind = "a folder" if source.is_dir() else "a device"
        return f", but {kind}; {expected}"
    cut_off = sorted(source.parent.glob(f"{glob.escape(source.name)} #*"))
    if cut_off:
        return (
            f", but {cut_off[0]} is there: in params.yaml a # after a space begins a comment, so "
            "put the path into single quotes"
        )
    if alike := [path for path in _siblings(source) if _plain(path) == _plain(source)]:
        return (
            f", but {alike[0].name!a} is there: the names differ in case, in a space at an "
            "end, or in how an accent is written; take the name from the folder, in quotes"
        )
    meant = Path(str(source).strip().replace("\\", "/"))
    if meant != source and meant.exists():
        return f", but {meant} is there: give it without spaces at its ends, and with / between"
    here = "" if source.is_absolute() else f" in {Path.cwd()}"
    if ".dvc/tmp/exps" in here:
        return (
            f"{here}, where `dvc exp run --temp` and --queue run, in a copy of what git knows; "
            "give the path from / on"
        )
    if "data/raw" in source.as_posix():
        here += " (DVC empties data/raw before this stage: keep it elsewhere)"
    return f"{here}; {expected}"


def _in_one_line(path: Path) -> str:
    return str(path) if str(path).isprintable() else ascii(str(path))


def _siblings(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except (OSError, ValueError):
        return []


def _plain(path: Path) -> str:
    """Return a name without case, spaces at its ends, and the ways to write an accent."""
    return unicodedata.normalize("NFC", path.name).casefold().strip()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
