"""Make an archive with C-NMC 2019's names and sizes and generated pixels, and its inventory."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import struct
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from stages.common.files import atomic_path, write_json
from stages.dataset.archive_layout import (
    FINAL_FOLDER,
    LABEL_FOLDER,
    PRELIMINARY_FOLDER,
    TRAINING_FOLDER,
    canonical_folder,
)
from stages.dataset.image_names import parse_image_name
from stages.download.inventory import File, Folder, Inventory, listing_sha256

CELL = 200
"""Width and height in pixels of the area that is not black. With NOISE, an image deflates to 63 kB,
the average of the real ones."""

NOISE = 8
"""Number of brightness values of a pixel, all equally likely."""

_HEADER, _HEADER_V5 = 54, 138
"""Bytes before the pixels: in the training and final images, and in the preliminary ones."""


def make_set(names: Path, folder: Path) -> tuple[Path, Inventory]:
    """Return an archive of the files in a table, and its inventory; make them if missing.

    Args:
        names: tab-separated, with columns `size` (bytes) and `path`; real contents are not needed.
        folder: where the archive is kept, for this table.
    """
    table = names.read_bytes()
    stem = f"set-{hashlib.sha256(table).hexdigest()[:16]}"
    archive, noted = folder / f"{stem}.zip", folder / f"{stem}.json"
    if not noted.exists():
        rows = csv.DictReader(table.decode().splitlines(), delimiter="\t")
        sizes = {row["path"]: int(row["size"]) for row in rows}
        with atomic_path(archive) as new_archive:
            folders = _write_archive(sizes, new_archive)
        write_json(dataclasses.asdict(_inventory(folders)), noted)
    return archive, read_inventory(noted)


def read_inventory(path: Path) -> Inventory:
    """Read an inventory that `make_set` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    folders = {name: Folder(**folder) for name, folder in content["folders"].items()}
    return Inventory(content["name"], folders)


def _write_archive(sizes: Mapping[str, int], path: Path) -> dict[str, list[File]]:
    folders = defaultdict(list)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, content in _members(sizes):
            archive.writestr(member, content)
            digest = hashlib.sha256(content).hexdigest()
            file = File(PurePosixPath(member).name, len(content), digest)
            folders[canonical_folder(member) or ""].append(file)
    return folders


def _members(sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    bytes_of_cell = CELL * CELL * 3
    noise = np.random.default_rng(1).integers(
        NOISE, size=bytes_of_cell + len(sizes), dtype=np.uint8
    )
    noise = 120 + 8 * noise
    for number, (path, size) in enumerate(sorted(sizes.items())):
        member = path.replace("/fold_0/", "/fold_0/fold_0/")  # as some copies of the set have it
        if canonical_folder(path) == LABEL_FOLDER:
            yield member, _labels([PurePosixPath(path).name for path in sizes if _external(path)])
        else:
            yield member, _image(size, noise[number : number + bytes_of_cell])


def _external(path: str) -> bool:
    return canonical_folder(path) == PRELIMINARY_FOLDER


def _labels(images: Sequence[str]) -> bytes:
    lines = ["Patient_ID,new_names,labels"]
    for number, image in enumerate(images, start=1):
        subject, label = (f"{57 + number % 13}", "all") if number % 3 else ("H49", "hem")
        lines.append(f"UID_{subject}_{number}_1_{label}.bmp,{image},{int(label == 'all')}")
    return ("\r\n".join(lines) + "\r\n").encode()


def _image(size: int, noise: npt.NDArray[np.uint8]) -> bytes:
    header, side, row = _form(size)
    pixels = np.zeros((side, row), np.uint8)
    edge = min(CELL, side)
    first = (side - edge) // 2
    cell = noise.reshape(CELL, CELL * 3)[:edge, : edge * 3]
    pixels[first : first + edge, first * 3 : (first + edge) * 3] = cell
    fields = (b"BM", size, 0, header, header - 14, side, side, 1, 24, 0, side * row, 3779, 3779)
    start = struct.pack("<2s6IHH4I", *fields)
    return start.ljust(header, b"\0") + pixels.tobytes()


def _form(size: int) -> tuple[int, int, int]:
    """Return the header bytes, side in pixels, and bytes per row of a square BMP."""
    for header in (_HEADER, _HEADER_V5):
        side = round(((size - header) / 3) ** 0.5)
        for near in (side, side - 1):  # a row is padded to a multiple of 4 bytes
            row = -(-3 * near // 4) * 4
            if header + row * near == size:
                return header, near, row
    raise ValueError(f"no square BMP of 24 bits a pixel has {size:,} bytes")


def _inventory(folders: Mapping[str, Sequence[File]]) -> Inventory:
    described = {}
    for name, files in folders.items():
        subjects = None
        if name.startswith(TRAINING_FOLDER):
            subjects = len({parse_image_name(file.name).subject for file in files})
        described[name] = Folder(
            len(files),
            files[0].size,
            listing_sha256(files),
            subjects=subjects,
            numbered=name in (PRELIMINARY_FOLDER, FINAL_FOLDER),
        )
    return Inventory("generated pixels under the names of C-NMC 2019", described)
