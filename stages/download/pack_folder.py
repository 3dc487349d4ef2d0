"""Pack an unpacked folder of the data set into a zip. The same files give the same bytes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import ArchiveError, is_clutter
from stages.dataset.archive_layout import canonical_folder
from stages.download.zip_members import add_member

_ROOT = "C-NMC_Leukemia"


def pack_folder(folder: Path, destination: Path) -> None:
    """Pack the data set's files in a folder, at any depth, under their canonical names.

    The bytes of the zip depend only on names and contents, not on dates, permissions or order.

    Args:
        folder: the folder. Hidden files, and files not part of the data set, are left out.
        destination: path of the zip.

    Raises:
        StageError: on a symbolic link, an entry that is neither file nor folder, an unreadable
            file, two files with one canonical name, or a training image outside the class
            folders.
    """
    members = _members(folder)
    with (
        zipfile.ZipFile(destination, "w") as archive,
        progress(total=len(members), description="Packing", unit="file") as bar,
    ):
        for member, path in sorted(members.items()):
            add_member(archive, member, _read(path))
            bar.update()


def _members(folder: Path) -> dict[str, Path]:
    """Map the member name of each file of the data set to the path of the file."""
    members: dict[str, Path] = {}
    for path in _files(folder):
        place = _place(path, folder)
        if place is None:
            continue
        member = f"{_ROOT}/{place}/{path.name}"
        if member in members:
            raise StageError(
                f"{folder}: {members[member]} and {path} are both {place}/{path.name}; "
                "remove one of them, or name the folder of one set in download.source"
            )
        members[member] = path
    return members


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without hidden ones."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in entries:
        if is_clutter(entry.name):
            continue
        path = folder / entry.name
        if entry.is_symlink():
            raise StageError(f"{path} is a symbolic link; put the file or folder itself there")
        if entry.is_dir():
            yield from _files(path)
        elif entry.is_file():
            yield path
        else:
            raise StageError(f"{path} is neither a file nor a folder; remove it")


def _place(path: Path, folder: Path) -> str | None:
    try:
        place = canonical_folder(path.relative_to(folder).as_posix())
    except ArchiveError as error:
        raise StageError(f"{folder}: {error}; move it there, or away") from error
    if place is not None and not path.name.isprintable():
        raise StageError(f"{str(path)!a} has a name that cannot be shown; rename the file")
    return place


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> StageError:
    return StageError(f"{path} cannot be read ({error.strerror}); check that it is there and yours")
