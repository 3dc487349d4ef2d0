"""Time all stages of the built-in profile, from nothing.

    .venv/bin/python -m benchmarks.repro --json rows.json

It times `make repro` without the installation of packages: `dvc repro` in a clone of the commit,
without a cache. It takes minutes, and runs once.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cells import ROOT
from benchmarks.rows import Row, part_parser, tell
from tests.dvc.project import STAGES, Project, stages_run, user_environment

MINUTES = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the row, and write it to a file if asked to."""
    options = part_parser("repro", __doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        committed = Project(ROOT, user_environment(Path(scratch), home=Path(scratch)))
        seconds = seconds_of_repro(committed.clone(Path(scratch) / "project", pulled=False))
    row = Row(
        part="make repro, built-in profile",
        against=f"{MINUTES} minutes",
        how="`dvc repro` in a clone without a cache, packages installed; once.",
        ratio=seconds / (60 * MINUTES),
        target={"at_most": 1},
        ways={"dvc repro": [seconds]},
    )
    tell([row], options.json)


def seconds_of_repro(clone: Project) -> float:
    """Run every stage of a clone; return how long that took."""
    began = time.perf_counter()
    printed = clone.dvc("repro")
    seconds = time.perf_counter() - began
    if stages_run(printed) != STAGES:
        raise RuntimeError(f"not every stage has run: {printed}")
    return seconds


if __name__ == "__main__":
    main()
