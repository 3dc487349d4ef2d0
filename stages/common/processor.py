"""Describe the processor."""

from __future__ import annotations

import platform
import re
from pathlib import Path

_INSTRUCTION_SETS = ("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
"""Those by which the libraries of this project choose their code, as Linux names them."""


def processor_name() -> str:
    """Return the name of the processor, or of its architecture."""
    found = re.search(r"^model name\s*: (.+)$", _listed(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def instruction_sets() -> list[str]:
    """Return the instruction sets that decide which code runs; empty if they are not known."""
    found = re.search(r"^flags\s*: (.+)$", _listed(), re.MULTILINE)
    flags = found[1].split() if found else []
    return [name for name in _INSTRUCTION_SETS if name in flags]


def _listed() -> str:
    path = Path("/proc/cpuinfo")  # Linux only
    return path.read_text(encoding="utf-8") if path.exists() else ""
