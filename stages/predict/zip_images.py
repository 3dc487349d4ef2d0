"""Read the files of a zip in place, from several threads, without trust in what it declares."""

from __future__ import annotations

import bz2
import copy
import threading
import zipfile
import zlib
from pathlib import Path

from stages.common.errors import StageError
from stages.dataset.archive import list_members, read_directory
from stages.dataset.image_decoding import MOST_BYTES

_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError)
"""What zipfile and its decompressors raise; RuntimeError if the file needs a password."""


class ZipImages:
    """The files of a zip.

    Attributes:
        names: of its files, sorted, without hidden ones and clutter.
    """

    def __init__(self, path: Path) -> None:
        """Read the directory of a zip. Raises StageError if it is none."""
        self._archive = read_directory(path)
        self._opening = threading.Lock()  # zipfile counts its open files without one
        self.names = list_members(self._archive)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file. Raises StageError if it cannot be unpacked."""
        info = self._archive.getinfo(name)
        if max(info.file_size, info.compress_size) > MOST_BYTES:
            raise StageError(f"it is larger than {MOST_BYTES:,} bytes; cut the cells out of it")
        try:
            return _unpacked(self._packed(info), info)
        except _DAMAGE as error:
            reason = str(error) or "it ends early"
            raise StageError(f"it cannot be unpacked ({reason}); pack the zip anew") from error

    def _packed(self, info: zipfile.ZipInfo) -> bytes:
        """Return the bytes as they stand in the zip, which to zipfile look like a stored file."""
        stored = copy.copy(info)
        stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
        stored.CRC = None  # type: ignore[assignment]  # zipfile then compares none
        with self._opening:
            return self._archive.read(stored)


def _unpacked(packed: bytes, info: zipfile.ZipInfo) -> bytes:
    # zipfile's own reader unpacks a whole chunk at once: with bzip2 5 GB from 4 kB.
    most = info.file_size + 1
    if info.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    elif info.compress_type == zipfile.ZIP_BZIP2:
        content = bz2.BZ2Decompressor().decompress(packed, most)
    elif info.compress_type == zipfile.ZIP_STORED:
        content = packed
    else:
        raise zipfile.BadZipFile("expected deflate, bzip2 or no compression")
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("its size or CRC-32 is not the one that the zip declares")
    return content
