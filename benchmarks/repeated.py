"""Make a large archive by repeating a small one: the same compressed bytes, other names."""

from __future__ import annotations

import copy
import struct
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from stages.common.files import atomic_path
from stages.dataset.cell_table import read_cells, write_cells

_LOCAL_HEADER = 30
"""Bytes before name and extra field. The last two numbers are their lengths."""


def repeat_cells(archive: Path, cells_csv: Path, folder: Path, *, images: int) -> tuple[Path, Path]:
    """Write an archive and its table of cells, if they do not exist; return their paths.

    Args:
        archive: its members are copied as often as needed, without unpacking.
        cells_csv: the table of its cells.
        folder: where both are kept.
        images: number of cells in the new archive, spread over the old cells, which are repeated
            as further cells of the same microscope fields.
    """
    name = f"repeated-{images}-of-{len(read_cells(cells_csv))}"
    repeated, table = folder / f"{name}.zip", folder / f"{name}.csv"
    if table.exists():
        return repeated, table
    cells = read_cells(cells_csv)
    parts = []
    with (
        zipfile.ZipFile(archive) as source,
        atomic_path(repeated) as new,
        zipfile.ZipFile(new, "w") as target,
    ):
        for first in range(0, images, len(cells)):
            count = min(len(cells), images - first)
            part = cells.iloc[np.linspace(0, len(cells) - 1, count).astype(int)].copy()
            members = list(part["member"])
            part["cell"] = [str(int(cell) + 1_000 * (1 + first)) for cell in part["cell"]]
            part["image"] = [
                f"UID_{row.subject}_{row.field}_{row.cell}_{row.label}.bmp"
                for row in part.itertuples()
            ]
            part["member"] = [
                str(PurePosixPath(member).with_name(image))
                for member, image in zip(members, part["image"], strict=True)
            ]
            for member, name in zip(members, part["member"], strict=True):
                _copy(source, target, member, name)
            parts.append(part)
    write_cells(pd.concat(parts), table)
    return repeated, table


def _copy(source: zipfile.ZipFile, target: zipfile.ZipFile, member: str, name: str) -> None:
    """Append the compressed bytes of a member; `zipfile` has no function for it."""
    info = source.getinfo(member)
    file, new = source.fp, target.fp
    if file is None or new is None:
        raise ValueError("both archives must be open")
    file.seek(info.header_offset)
    lengths = struct.unpack("<HH", file.read(_LOCAL_HEADER)[-4:])
    file.seek(sum(lengths), 1)
    copied = copy.copy(info)
    copied.filename = copied.orig_filename = name
    copied.extra = b""
    copied.flag_bits &= ~0x08  # the sizes are in the header, not after the bytes
    copied.header_offset = new.tell()
    new.write(copied.FileHeader() + file.read(info.compress_size))
    target.filelist.append(copied)
    target.NameToInfo[name] = copied
    target.start_dir = new.tell()
