"""Run a command in its own process; measure time and memory, with its child processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cells import ROOT

EVERY = 0.02
"""Seconds between two checks of its memory."""


@dataclass(frozen=True)
class Cost:
    """The cost of a command.

    Attributes:
        seconds: from start to end, including the interpreter's start.
        peak_bytes: sum of the peak memory (VmHWM) of each process in its tree; 0 without /proc.
    """

    seconds: float
    peak_bytes: int


def run_python(*arguments: str | Path, folder: Path) -> Cost:
    """Run Python with this project's modules in a folder. Raises CalledProcessError if it fails."""
    command: Sequence[str | Path] = [sys.executable, *arguments]
    began = time.perf_counter()
    peaks: dict[int, int] = {}
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=printed,
        )
        try:
            while process.poll() is None:
                for number in _tree(process.pid):
                    peaks[number] = _peak(number) or peaks.get(number, 0)
                time.sleep(EVERY)
        finally:
            process.kill()
        seconds = time.perf_counter() - began
        if process.returncode:
            printed.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, stderr=printed.read())
    return Cost(seconds, sum(peaks.values()))


def _tree(number: int) -> list[int]:
    found = [number]
    for children in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            found += [one for child in children.read_text().split() for one in _tree(int(child))]
        except OSError:
            continue  # it has just ended
    return found


def _peak(number: int) -> int:
    try:
        held = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
    except OSError:
        return 0
    return int(held[1]) * 1024 if held else 0
