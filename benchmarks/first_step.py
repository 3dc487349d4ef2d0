"""Time `train` from its start to the checkpoint of its first step, now and at an old commit.

.venv/bin/python -m benchmarks.first_step --folder kept
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from benchmarks.cells import ROOT, Made, kept_cells, stage_arguments
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import in_turns, ratio

BEFORE = "a52bd0e"
"""The last commit before this time was optimised."""

PART, AGAINST = "time from the start of `train` to its first step", f"commit {BEFORE}"
NOW, THEN = "now", f"at {BEFORE}"
POLLED = 0.02
"""Seconds between two checks for the checkpoint."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the row, and write it to a file if asked to."""
    parser = part_parser("first_step", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        made = kept_cells(options.folder or Path(scratch), cells=options.cells, image_size=64)
        tell([_row(made, Path(scratch), options)], options.json)


def _row(made: Made, scratch: Path, options: argparse.Namespace) -> Row:
    target = {"at_most": 0.5}
    how = (
        "The process of the stage from its start until the checkpoint behind its first step is "
        f"there, with the built-in profile and an archive of {options.cells:,} training images; "
        "without JAX, which only the tests need, and TensorFlow would import."
    )
    if not _unpack(BEFORE, scratch / "before"):
        why = f"commit {BEFORE} is not in this clone (`git fetch --unshallow`)"
        return Row(PART, AGAINST, how, None, target, why=why)
    _set_checkpoints(made)
    ways = {NOW: _timed(made, ROOT), THEN: _timed(made, scratch / "before")}
    seconds = in_turns(ways, rounds=options.rounds)
    return Row(PART, AGAINST, how, ratio(seconds, NOW, THEN), target, seconds)


def _unpack(commit: str, folder: Path) -> bool:
    """Write the stages of a commit to a folder; return whether the commit exists."""
    command = ["git", "-C", str(ROOT), "archive", commit, "stages"]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        return False
    folder.mkdir(parents=True)  # tarfile itself is safe only since Python 3.11.4
    command = ["tar", "-x", "-C", str(folder)]
    subprocess.run(command, input=archive.stdout, check=True)
    (folder / "jax.py").write_text("raise ImportError\n")  # as if JAX were not installed
    return True


def _set_checkpoints(made: Made) -> None:
    """Set a checkpoint after each step."""
    path = made.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["profiles"]["synthetic"]["train"]["checkpoint_every_steps"] = 1
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def _timed(made: Made, code: Path) -> Callable[[], float]:
    states = made.folder / ".train_state"

    def run() -> float:
        shutil.rmtree(states, ignore_errors=True)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *stage_arguments("train")],
            cwd=made.folder,
            env={**os.environ, "PYTHONPATH": str(code)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not list(states.glob("*/checkpoint-000000-000000001")):
                if process.poll() is not None:
                    raise RuntimeError(f"training in {made.folder} ended before its first step")
                time.sleep(POLLED)
            return time.perf_counter() - began
        finally:
            process.kill()
            process.wait()

    return run


if __name__ == "__main__":
    main()
