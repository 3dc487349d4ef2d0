"""Members of a zip whose bytes depend on their names and contents alone."""

from __future__ import annotations

import zipfile


def add_member(archive: zipfile.ZipFile, member: str, content: bytes) -> None:
    """Add a file to a zip that is being written.

    It is compressed with bzip2, which has one encoder where deflate has many. On a real image it
    takes 20 ms of one core and leaves a 15th: 6 minutes for all 15,115 files of C-NMC 2019, once,
    against 9.4 GB to be stored, cached and pushed.
    """
    info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, wherever it is written
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, zipfile.ZIP_BZIP2)
