"""Allocate an array for decoded images: in memory if they fit, else in a memory-mapped file."""

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
"""Alignment, in bytes, of memory that TensorFlow does not copy (Eigen's, for AVX-512)."""

MEMORY_SHARE = 0.5
"""Share of the free memory that the images of a split may take. Training needs some, too."""

_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def allocate_images(shape: tuple[int, ...], *, folder: Path, name: str) -> tuple[Pixels, bool]:
    """Return a zeroed array for images, and whether it is in memory; print if it is in a file.

    The file has no name, so it disappears when the process ends, in whatever way. The operating
    system caches as much of it as memory allows, and reads the rest again on demand.

    Args:
        shape: shape of the array, uint8. The array is aligned to pages, and so to ALIGNMENT.
        folder: folder of the file.
        name: name of the images in the printed line.

    Raises:
        StageError: if the disk has no space for the file either.
    """
    size, free = math.prod(shape), free_memory()
    if size <= MEMORY_SHARE * free:
        with contextlib.suppress(OSError):  # `ulimit -v`, or strict overcommit accounting
            return _as_array(_anonymous_memory(size), shape), True
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


def _anonymous_memory(size: int) -> mmap.mmap:
    # NumPy would request huge pages. A virtual machine may take long to find them: reading 1,400
    # images took twice the time.
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _as_array(pages: mmap.mmap, shape: tuple[int, ...]) -> Pixels:
    return np.frombuffer(pages, np.uint8).reshape(shape)


def free_memory() -> int:
    """Return the bytes of memory that this process may still allocate.

    This is the minimum of what the machine, the container and the job have left. Systems other
    than Linux do not report it: there it is half of the machine's memory.
    """
    told = _PROC / "meminfo"
    if not told.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    found = re.search(r"^MemAvailable:\s+(\d+) kB", told.read_text(), re.MULTILINE)
    free = [int(found[1]) * 1024] if found else []
    return max(0, min(free + _free_in_cgroups()))


def _free_in_cgroups() -> list[int]:
    """Return the bytes that each control group (v1 or v2) of this process has left.

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
        own = top / path.lstrip("/")  # in a container this may be the host's path
        groups = [group for group in (own, *own.parents) if group.is_relative_to(top)]
        left += [found for group in groups if (found := _free_in_cgroup(group, *names)) is not None]
    return left


def _free_in_cgroup(group: Path, limit: str, used: str, given_back: str) -> int | None:
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
    """Allocate the disk space now: if the disk were full later, the process would be killed."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
