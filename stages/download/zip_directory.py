"""Check the central directory of a new archive before any member is unpacked."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from stages.dataset.archive import ArchiveError

MAX_TOTAL = 30_000_000_000
"""Largest size of all files together, unpacked, in bytes. C-NMC 2019 has 9.4 GB."""

MAX_RATIO = 1_000
"""Largest ratio of a file's size to its size in the zip. The largest ratio seen is 22 for a real
image (deflate) and 83 for a synthetic one (bzip2). Each file is checked, because the mean would
hide a zip bomb among ordinary images. Deflate itself cannot exceed 1,032."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Compression methods whose decoders can limit their output per call."""

_ENCRYPTED = 0x1 | 0x40  # APPNOTE.TXT 4.4.4
_DRIVE = re.compile(r"[A-Za-z]:")


def check_directory(archive: zipfile.ZipFile) -> None:
    """Check the entry of each member in the central directory, and all entries together.

    Raises:
        ArchiveError: on a name that could lead out of a folder or is repeated, a link or device,
            a password, a compression method that is not in METHODS, or sizes above the limits.
    """
    members = archive.infolist()
    for info in members:
        _check_name(info.orig_filename)  # `filename` ends at a zero byte, this does not
        _check_kind(info)
        _check_size(info)
    _check_total(members)
    _check_repeats(members)


def _check_name(name: str) -> None:
    problem = None
    if not name.isprintable() or not PurePosixPath(name).parts:
        problem = "has a name that cannot be shown"
    elif "\\" in name:
        problem = "has a backslash in its name, expected /"
    elif name.startswith("/") or _DRIVE.match(name):
        problem = "has an absolute name"
    elif ".." in name.split("/"):
        problem = "leads out of its folder with .. in its name"
    if problem:
        raise ArchiveError(f"{name!r} {problem}")


def _check_kind(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 if the zip was not made on Unix
    if kind == stat.S_IFLNK:
        raise ArchiveError(f"{info.filename} is a symbolic link, expected the file itself")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"{info.filename} is neither a file nor a folder")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{info.filename} is encrypted, expected a zip without a password")
    if info.compress_type not in METHODS:
        raise ArchiveError(
            f"{info.filename} is compressed by method {info.compress_type}; "
            "expected deflate, bzip2 or no compression"
        )


def _check_size(info: zipfile.ZipInfo) -> None:
    if info.file_size > MAX_RATIO * info.compress_size:
        raise ArchiveError(
            f"{info.filename} declares {info.file_size:,} bytes packed into "
            f"{info.compress_size:,}, which no image is (more than {MAX_RATIO:,} to 1)"
        )


def _check_total(members: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(info.file_size for info in members)
    if total > MAX_TOTAL:
        raise ArchiveError(
            f"its files declare {total:,} bytes unpacked, expected at most {MAX_TOTAL:,} "
            "(C-NMC 2019 has 9.4 GB)"
        )


def _check_repeats(members: Sequence[zipfile.ZipInfo]) -> None:
    seen: set[PurePosixPath] = set()
    for info in members:
        path = PurePosixPath(info.filename)  # turns ./a, a/ and a//b into a, a and a/b
        if path in seen:
            raise ArchiveError(f"{info.filename} stands in it twice")
        seen.add(path)
