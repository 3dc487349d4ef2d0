"""Decompress each zip member once: check its CRC-32, compute its SHA-256, decode images."""

from __future__ import annotations

import bz2
import hashlib
import os
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.common.progress import progress
from stages.dataset.archive import ArchiveError, read_directory
from stages.dataset.image_decoding import MOST_BYTES, ImageError, decoding
from stages.download.image_check import image_fault

CHUNK = 1 << 20
"""Bytes read, and at most unpacked, at a time. A training image has fewer."""

_BEFORE_LENGTHS = 26
"""Bytes of a member's local header before the lengths of its name and extra field. The data follow
the extra field (APPNOTE.TXT 4.3.7)."""


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,  # bzip2 raises it, too
    ValueError,  # a name that is flagged as UTF-8 but is not
    OverflowError,  # an offset too large for any file
    RuntimeError,  # flags that zipfile does not implement
)


class Digest(NamedTuple):
    """The SHA-256 of a member, and of an image why it cannot be read, if it cannot."""

    sha256: str
    fault: ImageError | None


def digest_members(path: Path, *, images: Collection[str] = ()) -> dict[str, Digest]:
    """Decompress each zip member in memory, on all cores, and return its digest by name.

    The declared sizes are not trusted: decompression stops as soon as a member exceeds its size.

    Args:
        path: the zip.
        images: names of members that are decoded, too.

    Raises:
        ArchiveError: if a member is damaged, or its size or CRC-32 is not as declared.
    """
    with read_directory(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
    pending = deque(sorted(files, key=lambda info: info.header_offset))
    digests: dict[str, Digest] = {}
    workers = os.cpu_count() or 1
    with (
        progress(total=len(files), description="Verifying", unit="file") as bar,
        decoding(),
        ThreadPoolExecutor(workers) as pool,
    ):
        jobs = [
            pool.submit(_work, path, pending, digests, frozenset(images), bar.update)
            for _ in range(workers)
        ]
        try:
            for job in jobs:
                job.result()
        finally:
            pending.clear()  # after an error the other workers stop, too
    return digests


def _work(
    path: Path,
    pending: deque[zipfile.ZipInfo],
    digests: dict[str, Digest],
    images: Collection[str],
    advance: Callable[[int], object],
) -> None:
    # Two threads must not open members of one ZipFile: it counts its open files without a lock.
    with read_directory(path) as archive, path.open("rb") as file:
        while True:
            try:
                info = pending.popleft()
            except IndexError:
                return
            decoded = info.filename in images
            digests[info.filename] = _digest(archive, file, info, decoded=decoded)
            advance(1)


def _digest(
    archive: zipfile.ZipFile, file: BinaryIO, info: zipfile.ZipInfo, *, decoded: bool
) -> Digest:
    digest, crc, size, content = hashlib.sha256(), 0, 0, bytearray()
    try:
        with archive.open(info):  # compares the member's own header with the directory
            pass
        for data in _unpack(_packed(file, info), info.compress_type):
            digest.update(data)
            if decoded and size <= MOST_BYTES:
                content += data
            crc, size = zlib.crc32(data, crc), size + len(data)
            if size > info.file_size:
                break
    except _DAMAGE as error:
        raise ArchiveError(f"{info.filename} is corrupt ({error})") from error
    if size != info.file_size:
        relation = "more" if size > info.file_size else "less"
        raise ArchiveError(
            f"{info.filename} is corrupt (it unpacks to {relation} than the {info.file_size:,} "
            "bytes that it declares)"
        )
    if crc != info.CRC:
        raise ArchiveError(
            f"{info.filename} is corrupt (its CRC-32 is {crc:08x}, expected {info.CRC:08x})"
        )
    return Digest(digest.hexdigest(), image_fault(bytes(content)) if decoded else None)


def _packed(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    file.seek(info.header_offset + _BEFORE_LENGTHS)
    file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
    left = info.compress_size
    while chunk := file.read(min(CHUNK, left)):
        left -= len(chunk)
        yield chunk


# zipfile's own reader unpacks a whole chunk at once (bzip2: 5 GB from 4 kB). It also drops, without
# an error, the bytes of a member beyond its declared size.
def _unpack(chunks: Iterable[bytes], method: int) -> Iterator[bytes]:
    if method == zipfile.ZIP_DEFLATED:
        return _inflate(chunks)
    return _unpack_bzip2(chunks) if method == zipfile.ZIP_BZIP2 else iter(chunks)


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    for chunk in chunks:
        while chunk and not decoder.eof:
            yield decoder.decompress(chunk, CHUNK)
            chunk = decoder.unconsumed_tail
    yield decoder.flush()


def _unpack_bzip2(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = bz2.BZ2Decompressor()
    for chunk in chunks:
        while not decoder.eof and (chunk or not decoder.needs_input):
            yield decoder.decompress(chunk, CHUNK)
            chunk = b""
