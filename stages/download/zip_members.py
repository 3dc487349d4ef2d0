"""Write zip members whose bytes depend only on their names and contents."""

from __future__ import annotations

import zipfile


def add_member(
    archive: zipfile.ZipFile, member: str, content: bytes, *, compress: bool = True
) -> None:
    """Add a file to a zip that is being written.

    `compress` is false for what is compressed already, as PNG and JPEG are. bzip2 compresses the
    others: deflate has many encoders with different output, bzip2 has only one. A real image takes
    20 ms of one core and shrinks to a 15th. All 15,115 files of C-NMC 2019 take 6 minutes, once.
    Without compression, 9.4 GB would be stored, cached and pushed.
    """
    info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, on every system
    info.external_attr = 0o644 << 16
    if compress:
        archive.writestr(info, content, zipfile.ZIP_BZIP2)
    else:
        archive.writestr(info, content, zipfile.ZIP_STORED)
