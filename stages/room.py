"""Room for the decoded images: in memory where they fit, else in a file."""

from __future__ import annotations

import math
import mmap
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from stages.errors import StageError

ALIGNMENT = 64
"""Bytes: where memory begins that TensorFlow takes as it is (Eigen's, for AVX-512)."""

SHARE = 0.5
"""Of the free memory, that images may take: a training needs some, too."""

_CGROUP = Path("/sys/fs/cgroup")

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def room_for(shape: tuple[int, ...], *, folder: Path, name: str) -> tuple[Pixels, bool]:
    """Return an array for images, zeros, and whether it is in memory; if not, that is printed.

    A file has no name, so that it is gone with the process, however that ends. The system keeps of
    it in memory what there is room for, and reads the rest again when it is asked for.

    Args:
        shape: of the array, uint8; aligned to pages, and so to ALIGNMENT.
        folder: where the file is.
        name: of the images, for what is printed.

    Raises:
        StageError: if there is no room on the disk either.
    """
    size, free = math.prod(shape), free_memory()
    if size <= SHARE * free:
        # NumPy would ask for huge pages, which a virtual machine may take long to find: twice the
        # time to read 1,400 images.
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return _as_array(mmap.mmap(-1, size, flags=private), shape), True
    print(
        f"The {name} images, {size / 1e9:,.1f} GB decoded, would take more than half of the "
        f"{free / 1e9:,.1f} GB of free memory: they are held in a file in {folder}",
        flush=True,
    )
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file.fileno(), size)
            return _as_array(mmap.mmap(file.fileno(), size), shape), False
    except OSError as error:
        raise StageError(
            f"{folder}: no room for {size:,} bytes of decoded images, which do not fit into memory "
            f"({error.strerror}); free some space, or lower `preprocess.image_size`"
        ) from error


def _as_array(pages: mmap.mmap, shape: tuple[int, ...]) -> Pixels:
    return np.frombuffer(pages, np.uint8).reshape(shape)


def free_memory() -> int:
    """Return the bytes that this process may still take; those of a container, where it is in one.

    Where the system does not tell (it is not Linux), half of what the machine has.
    """
    told = Path("/proc/meminfo")
    if not told.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    found = re.search(r"^MemAvailable:\s+(\d+) kB", told.read_text(), re.MULTILINE)
    free = [int(found[1]) * 1024] if found else []
    return min(free + _left_in_container())


def _left_in_container() -> list[int]:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        held = re.search(r"^inactive_file (\d+)", (_CGROUP / "memory.stat").read_text(), re.M)
    except (OSError, ValueError):
        return []
    if not limit.isdecimal():
        return []
    return [int(limit) - used + (int(held[1]) if held else 0)]


def _reserve(file: int, size: int) -> None:
    """Take the space on the disk now: what is missing later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
