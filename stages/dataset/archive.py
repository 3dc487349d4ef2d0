"""Read the dataset archive, a zip, without unpacking it. Its folders: archive_layout.py."""

from __future__ import annotations

import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from stages.common.errors import StageError

SYNTHETIC_MARK = b"synthetic cells drawn by this project: no microscope images"
"""Zip comment of an archive of synthetic cells. Every stage recognizes the archive by it."""

REBUILD = "bring it in again with `dvc repro --force download`"

_PACKED = (
    ("a gzip file", b"\x1f\x8b", 0),
    ("a bzip2 file", b"BZh", 0),
    ("an xz file", b"\xfd7zXZ", 0),
    ("a 7z archive", b"7z\xbc\xaf", 0),
    ("a RAR archive", b"Rar!", 0),
    ("a tar archive", b"ustar", 257),
)
"""Other files that hold files: what each is, the bytes that tell it, and where these stand."""

_CLUTTER = {"thumbs.db", "desktop.ini", "icon\r"}


class ArchiveError(StageError):
    """A fault in an archive. `open_archive` adds the name of the archive and the remedy."""


class FaultyArchiveError(StageError):
    """A fault in an archive, with the name of the archive and the remedy."""


@contextlib.contextmanager
def open_archive(
    path: Path, *, name: str | None = None, remedy: str = REBUILD
) -> Iterator[zipfile.ZipFile]:
    """Open the archive for reading; add its name and the remedy to an ArchiveError of the block.

    Args:
        path: the zip.
        name: name of the archive in messages; by default its path.
        remedy: what the user can do about a fault, as the end of a sentence.

    Raises:
        StageError: if the file is missing.
        FaultyArchiveError: if the file is not a zip or has a fault.
    """
    try:
        with read_directory(path) as archive:
            yield archive
    except ArchiveError as error:
        problem = " ".join(str(error).split())  # text from the zip may have line ends
        raise FaultyArchiveError(f"{name or path}: {problem}; {remedy}") from error


def read_directory(path: Path) -> zipfile.ZipFile:
    """Open a zip and read its central directory.

    Raises:
        StageError: if the file is missing.
        ArchiveError: if the file is not a zip, or its directory is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise StageError(
            f"{path} is missing: expected the dataset archive; run `dvc repro download`"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ArchiveError(
            f"this is not a zip archive, or it is damaged or cut off ({error}{_looks_like(path)})"
        ) from error


def _looks_like(path: Path) -> str:
    """Return what a file is instead of a zip, with what to do, as the end of a sentence."""
    with path.open("rb") as file:
        start = file.read(512)
    if b"<html" in start.lower():
        return ": it is a web page, such as one that asks to sign in"
    kinds = [kind for kind, mark, place in _PACKED if start[place:].startswith(mark)]
    return f": it is {kinds[0]}: unpack it, and name the folder" if kinds else ""


def list_members(archive: zipfile.ZipFile) -> list[str]:
    """List the files in the archive, sorted, without the files that `is_clutter` finds."""
    names = (info.filename for info in archive.infolist() if not info.is_dir())
    return sorted(name for name in names if not is_clutter(name))


def is_clutter(member: str) -> bool:
    """Return whether a path is hidden, or a file that macOS or Windows adds to folders."""
    path = PurePosixPath(member)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or path.name.lower() in _CLUTTER


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return the bytes of a member. Raises StageError if it is missing or its CRC-32 is wrong."""
    try:
        return archive.read(member)
    except KeyError as error:
        raise StageError(
            f"{archive.filename}: {member} is missing, though it is listed; "
            "make the list again with `dvc repro --force --single-item split`"
        ) from error
    except RuntimeError as error:  # also NotImplementedError
        raise ArchiveError(f"{member} cannot be unpacked ({error})") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ArchiveError(f"{member} is corrupt ({str(error) or 'it ends early'})") from error


def refuse(faults: Sequence[str]) -> None:
    """Raise ArchiveError with the first fault, if any, and the number of files with another."""
    if faults:
        others = len(faults) - 1
        files = "file is" if others == 1 else "files are"
        raise ArchiveError(faults[0] + (f", and {others:,} more {files} refused" if others else ""))


def is_synthetic(archive: zipfile.ZipFile) -> bool:
    """Return whether the archive holds synthetic cells and not microscope images."""
    return archive.comment == SYNTHETIC_MARK
