"""Read the files of a set where it comes from, a folder or a zip, alike."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from stages.common.errors import StageError
from stages.dataset.archive import is_clutter, list_members, read_member


class SourceFiles:
    """The files of a folder or a zip, without clutter.

    Attributes:
        names: their paths below the folder or in the zip, sorted.
    """

    def __init__(self, names: list[str], read: Callable[[str], bytes]) -> None:
        self.names = names
        self.read = read
        """Return the bytes of a file; several threads may ask at once."""


def folder_files(folder: Path) -> SourceFiles:
    """Return the files of a folder.

    Raises:
        StageError: if it cannot be read, or on a symbolic link, an entry that is neither file nor
            folder, or a name that cannot be shown.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in files_below(folder))
    for name in names:
        if not name.isprintable():
            raise StageError(f"{folder}: {name!a} has a name that cannot be shown; rename the file")
    return SourceFiles(names, lambda name: read_file(folder / name))


def zip_files(archive: zipfile.ZipFile) -> SourceFiles:
    """Return the files of a zip whose directory and bytes were checked."""
    lock = threading.Lock()

    def read(name: str) -> bytes:
        with lock:  # zipfile counts its open files without one
            return read_member(archive, name)

    return SourceFiles(list_members(archive), read)


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, without hidden ones.

    Raises:
        StageError: on symbolic links, or an entry that is neither file nor folder or unreadable.
    """
    files: list[Path] = []
    links: list[Path] = []
    for entry in _entries_below(folder):
        (links if entry.is_symlink() else files).append(Path(entry.path))
    if links:
        which = f"{links[0]}, one of {len(links):,} such," if len(links) > 1 else links[0]
        raise StageError(
            f"{which} is a symbolic link (`cp -rL` copies a folder and follows its links); put the "
            "file or folder itself there"
        )
    return files


def _entries_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield files and symbolic links."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in entries:
        if is_clutter(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries_below(Path(entry.path))
        elif entry.is_symlink() or entry.is_file():
            yield entry
        else:
            raise StageError(f"{entry.path} is neither a file nor a folder; remove it")


def read_file(path: Path) -> bytes:
    """Return the bytes of a file. Raises StageError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> StageError:
    return StageError(f"{path} cannot be read ({error.strerror}); check that it is there and yours")
