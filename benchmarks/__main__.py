"""Run the benchmarks that have rows, and write the performance page.

    make bench                                            # all
    .venv/bin/python -m benchmarks --parts preprocess     # one; the rows of others are kept

Each part runs in its own process. The results go to docs/performance.json and docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cells import ROOT
from benchmarks.machine import commit, machine
from benchmarks.performance import Part, read_parts, write_performance
from benchmarks.rows import read_rows, rows_table

PARTS = (
    "preprocess",
    "reading",
    "inputs",
    "training",
    "first_step",
    "peak_memory",
    "cross_validation",
    "evaluate",
    "predict",
    "repro",
    "daily",
)
"""Modules of this folder, in the order of the page."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts, print the table, and write the documents."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        code = commit()  # before writing the page, which changes the working tree
        measured, failed = {}, []
        for name in options.parts:
            if (found := run_part(name, folder, code)) is None:
                failed.append(name)
                continue
            measured[name] = found
            # After each part, so that an interrupted run keeps its results.
            known = read_parts(options.docs / "performance.json") | measured
            parts = {part: known[part] for part in PARTS if part in known}
            write_performance(options.docs, parts)
    print(rows_table([row for part in measured.values() for row in part.rows]))
    print(f"→ {options.docs / 'performance.md'}")
    if failed:
        sys.exit(f"failed, and left as they were there: {', '.join(failed)}")


def run_part(name: str, folder: Path, code: str) -> Part | None:
    """Run a part in a process of its own; return what it found, None if it failed."""
    print(f"== {name}", flush=True)
    found = folder / f"{name}.json"
    found.unlink(missing_ok=True)
    load, began = os.getloadavg()[0], time.perf_counter()
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", found, "--folder", folder]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    if ended.returncode or not found.exists():
        return None
    seconds = round(time.perf_counter() - began, 1)
    return Part(round(load, 2), seconds, read_rows(found), machine(), code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="which")
    parser.add_argument("--folder", type=Path, help="where data is kept for the next time")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the page goes")
    return parser


if __name__ == "__main__":
    main()
