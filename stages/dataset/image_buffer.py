"""Room for the decoded images: in memory where they fit, else in a file."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from stages.common.errors import StageError

ALIGNMENT = 64
"""Bytes: where memory begins that TensorFlow takes as it is (Eigen's, for AVX-512)."""

SHARE = 0.5
"""Of the free memory, that the images of a split may take: a training needs some, too."""

_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def allocate_images(shape: tuple[int, ...], *, folder: Path, name: str) -> tuple[Pixels, bool]:
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
        with contextlib.suppress(OSError):  # `ulimit -v`, or a system that promises no more
            return _as_array(_memory(size), shape), True
    print(
        f"The {name} images, {size / 1e9:,.1f} GB decoded, would take more than half of the "
        f"{free / 1e9:,.1f} GB of free memory, or are refused it: they are held in a file in "
        f"{folder}",
        flush=True,
    )
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file.fileno(), size)
            return _as_array(mmap.mmap(file.fileno(), size), shape), False
    except OSError as error:
        raise StageError(
            f"{folder}: no file of {size:,} bytes can be made there for the decoded images, which "
            f"do not fit into memory ({error.strerror}); free some space, or lower "
            "`preprocess.image_size`"
        ) from error


def _memory(size: int) -> mmap.mmap:
    # NumPy would ask for huge pages, which a virtual machine may take long to find: twice the time
    # to read 1,400 images.
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _as_array(pages: mmap.mmap, shape: tuple[int, ...]) -> Pixels:
    return np.frombuffer(pages, np.uint8).reshape(shape)


def free_memory() -> int:
    """Return the bytes that this process may still take.

    They are what is left of the machine, of the container, of the job: what is least. Where the
    system does not tell (it is not Linux), half of what the machine has.
    """
    told = _PROC / "meminfo"
    if not told.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    found = re.search(r"^MemAvailable:\s+(\d+) kB", told.read_text(), re.MULTILINE)
    free = [int(found[1]) * 1024] if found else []
    return max(0, min(free + _left_in_groups()))


def _left_in_groups() -> list[int]:
    """Return what each control group that this process is in has left, of either version.

    See https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html.
    """
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, names = _CGROUP, _V2
        elif "memory" in controllers.split(","):
            top, names = _CGROUP / "memory", _V1
        else:
            continue
        own = top / path.lstrip("/")  # in a container it may be the path outside
        groups = [group for group in (own, *own.parents) if group.is_relative_to(top)]
        left += [found for group in groups if (found := _left_in(group, *names)) is not None]
    return left


def _left_in(group: Path, limit: str, used: str, given_back: str) -> int | None:
    try:
        most, now = (group / limit).read_text().strip(), int((group / used).read_text())
        files = re.search(
            rf"^{given_back} (\d+)", (group / "memory.stat").read_text(), re.MULTILINE
        )
    except (OSError, ValueError):
        return None
    if not most.isdecimal():
        return None
    return int(most) - now + (int(files[1]) if files else 0)


def _reserve(file: int, size: int) -> None:
    """Take the space on the disk now: what is missing later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
