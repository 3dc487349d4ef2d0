"""Measure the peak memory of `train` at 224 px with batches of 40.

.venv/bin/python -m benchmarks.peak_memory --folder kept
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cells import ROOT, Made, kept_cells, stage_arguments
from benchmarks.rows import Row, part_parser, tell

AGAINST = "what is asked for"
IMAGE_SIZE = 224


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the row, and write it to a file if asked to."""
    parser = part_parser("peak_memory", __doc__)
    parser.add_argument("--cells", type=int, default=320, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=IMAGE_SIZE, help="pixels along an edge")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        made = kept_cells(
            options.folder or Path(scratch), cells=options.cells, image_size=options.image_size
        )
        run = _train(made)
    tell([row(run, image_size=options.image_size)], options.json)


def part(image_size: int) -> str:
    """Return the `part` of the row."""
    return f"peak memory of training at {image_size} px, batch 40, in GB"


def row(run: dict[str, Any], *, image_size: int) -> Row:
    """Return the row for the memory in `.train_state/last_run.json`."""
    peak = run["host_bytes"] / 1e9
    steps = sum(epoch["steps"] for epoch in run["epochs"])
    return Row(
        part=part(image_size),
        against=AGAINST,
        how=f"`train` from scratch with the recipe for real cells on a CPU, {steps} steps and "
        "their validation; what the system says of the whole process at its end (ru_maxrss). "
        "One run.",
        ratio=peak,
        target={"at_most": 6.0},
        ways={"train": [peak]},
        unit="GB",
    )


def _train(made: Made) -> dict[str, Any]:
    """Run the stage for one epoch; return the content of last_run.json."""
    path = made.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    recipe = params["profiles"]["cnmc"]["train"]
    params["profiles"]["synthetic"]["train"] = recipe | {"epochs": 1, "device": "cpu"}
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    shutil.rmtree(made.folder / ".train_state", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *stage_arguments("train")]
    subprocess.run(command, cwd=made.folder, env=environment, check=True)
    told: dict[str, Any] = json.loads((made.folder / ".train_state/last_run.json").read_text())
    return told


if __name__ == "__main__":
    main()
