"""Tell Eigen, TensorFlow's library of products, the same cache sizes on every processor.

Eigen divides a large sum of products into blocks that fit the caches, and adds the blocks: other
caches, other bits. It asks the processor once, keeps the answer in a variable of its own, and
offers no setting. So the answer is written there before it asks, at the place that the symbol table
of TensorFlow's library names (the ELF format: https://refspecs.linuxfoundation.org/elf/elf.pdf; the
variable: `manage_caching_sizes` in Eigen/src/Core/products/GeneralBlockPanelKernel.h). Where there
is no such library or symbol nothing is done, and known_answers.py says so.

Imports TensorFlow.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

CACHE_SIZES = (32 * 2**10, 2**20, 32 * 2**20)
"""First, second and third level, in bytes: those of common processors of 2014 to 2024."""

_LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
_SIZES = b"_ZZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
_ARE_SET = b"_ZGV" + _SIZES.removeprefix(b"_Z")

_SYMBOL_TABLE = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = np.dtype(
    [
        ("name", "<u4"),
        ("kind", "u1"),
        ("visibility", "u1"),
        ("section", "<u2"),
        ("address", "<u8"),
        ("size", "<u8"),
    ]
)


def set_cache_sizes(sizes: tuple[int, int, int] = CACHE_SIZES) -> bool:
    """Make Eigen divide products as with caches of these sizes, in this process from now on.

    Call it before any operation.

    Args:
        sizes: bytes of the first, second and third level.

    Returns:
        Whether the variables were found.
    """
    variables = [_variables(Path(tf.__file__).parent / name) for name in _LIBRARIES]
    for found in variables:
        if found is not None:
            found.sizes[:] = sizes
            found.are_set[0] = 1
    return None not in variables


class _Variables(NamedTuple):
    """Views of the memory of this process."""

    sizes: np.ndarray[Any, np.dtype[np.int64]]
    are_set: np.ndarray[Any, np.dtype[np.int8]]


@functools.cache
def _variables(library: Path) -> _Variables | None:
    start = _start_in_memory(library)
    addresses = _addresses(library, (_SIZES, _ARE_SET)) if start is not None else {}
    if start is None or len(addresses) != 2:
        return None
    return _Variables(
        np.ctypeslib.as_array((ctypes.c_int64 * 3).from_address(start + addresses[_SIZES])),
        np.ctypeslib.as_array((ctypes.c_int8 * 1).from_address(start + addresses[_ARE_SET])),
    )


def _start_in_memory(library: Path) -> int | None:
    """Return where a loaded library starts in the memory of this process."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    for line in maps.read_text(encoding="utf-8").splitlines():
        span, _, offset, _, _, *path = line.split(maxsplit=5)
        if path and int(offset, 16) == 0 and os.path.realpath(path[0]) == os.path.realpath(library):
            return int(span.split("-")[0], 16)
    return None


def _addresses(library: Path, names: tuple[bytes, ...]) -> dict[bytes, int]:
    """Return the addresses of those of the symbols that a library defines, from its start."""
    with (
        library.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        symbols, names_at, names_end = _symbol_table(content)
        found = {}
        for name in names:
            place = content.find(b"\0" + name + b"\0", names_at, names_end)
            addresses = symbols["address"][symbols["name"] == place + 1 - names_at]
            if place >= 0 and len(addresses):
                found[name] = int(addresses[0])
        return found


def _symbol_table(content: mmap.mmap) -> tuple[np.ndarray[Any, Any], int, int]:
    """Return the symbols, and where their names start and end; no symbols if there is no table."""
    sections_at = struct.unpack_from("<Q", content, 40)[0]
    section_count = struct.unpack_from("<H", content, 60)[0]
    sections = [
        _SECTION.unpack_from(content, sections_at + index * _SECTION.size)
        for index in range(section_count)
    ]
    for _, kind, _, _, at, size, names_section, *_ in sections:
        if kind == _SYMBOL_TABLE:
            names_at, names_size = sections[names_section][4:6]
            symbols = np.frombuffer(content[at : at + size], _SYMBOL)
            return symbols, names_at, names_at + names_size
    return np.empty(0, _SYMBOL), 0, 0
