"""An unpacked folder of the set, packed into an archive: the same files, the same bytes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import ArchiveError, is_clutter
from stages.dataset.layout import canonical_folder
from stages.download.zip_members import add_member

_ROOT = "C-NMC_Leukemia"


def pack_folder(folder: Path, destination: Path) -> None:
    """Pack the files of the set that lie in a folder, at any depth, under their canonical names.

    The bytes depend on names and contents alone, not on dates, rights or the order of listing.

    Args:
        folder: files that are no part of the set, and hidden ones, are left out.
        destination: path of the zip.

    Raises:
        StageError: on a symbolic link, what is neither file nor folder, a file that cannot be
            read, two files for one place in the set, or a training image outside the class
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
    """Map the names that the files of the set get in the archive to where they are."""
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
    """Yield the files below a folder, hidden ones left out."""
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
