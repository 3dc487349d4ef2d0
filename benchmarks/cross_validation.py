"""Measure what a member of the cross-validation costs beside its epochs.

    .venv/bin/python -m benchmarks.cross_validation --folder kept

It trains one member of the built-in profile, in CPU time, which other work on the machine hardly
moves. All members are alike: what holds for one, holds for k folds.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.cells import ROOT, Made, kept_cells
from benchmarks.rows import Row, part_parser, tell

CELLS, IMAGE_SIZE = 1400, 48
START, STEPS = "start of a member", "k folds of the cross-validation"
TRAINING, EPOCHS = "its training", "the epochs that they take"
_BEGINS = "The first step takes longest."


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a member's process.

    Attributes:
        before: until its training begins.
        epochs: of each epoch, validation and checkpoint included.
        total: of the process.
    """

    before: float
    epochs: list[float]
    total: float

    @property
    def training(self) -> float:
        """Of all epochs, if the first, which builds the graph, were like the others."""
        return len(self.epochs) * statistics.median(self.epochs[1:])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    options = part_parser("cross_validation", __doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        made = kept_cells(options.folder or Path(scratch), cells=CELLS, image_size=IMAGE_SIZE)
        cost = cost_of_member(made)
    tell(rows(cost), options.json)


def rows(cost: Cost) -> list[Row]:
    """Return the rows for the cost of a member."""
    how = (
        f"CPU seconds of a member of the built-in profile, {len(cost.epochs)} epochs with their "
        "validation, once; without JAX, which only the tests need, and TensorFlow would import. "
        "What the first epoch takes longer than the others, to build the graph, belongs to the "
        "start; so do the imports, the shards, and what comes behind the last epoch"
    )
    start = cost.total - cost.training
    ways = {
        "process": [cost.total],
        "epochs": [cost.training],
        "before them": [cost.before],
        "graph": [sum(cost.epochs) - cost.training],
        "behind them": [cost.total - cost.before - sum(cost.epochs)],
    }
    return [
        Row(START, TRAINING, f"{how}.", start / cost.training, {"at_most": 0.1}, ways),
        Row(
            STEPS,
            EPOCHS,
            f"{how}. Each member is a process of its own, so that k of them cost k times as much.",
            cost.total / cost.training,
            {"at_most": 1.05},
            ways,
        ),
    ]


def cost_of_member(made: Made) -> Cost:
    """Divide the cells into folds, train the member of fold 1, and return its cost."""
    for kept in (".train_state", "cross_validation"):
        shutil.rmtree(made.folder / kept, ignore_errors=True)
    _run(made, *_arguments("folds"))
    process = psutil.Popen(
        [sys.executable, *_arguments("member")],
        cwd=made.folder,
        env=_environment(made),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    marks = [
        _cpu_of(process)
        for line in process.stdout
        if line.rstrip().endswith(_BEGINS) or re.match(r"epoch \d+/", line)
    ]
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the training of a member in {made.folder} failed")
    epochs = [after - before for before, after in itertools.pairwise(marks)]
    return Cost(marks[0], epochs, usage.ru_utime + usage.ru_stime)


def _cpu_of(process: psutil.Popen) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _arguments(stage: str) -> list[str]:
    """Return Python's arguments to run a stage, of fold 1 and seed 1, from its dvc.yaml."""
    path = ROOT / "cross_validation/dvc.yaml"
    command: str = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"][stage]["cmd"]
    command = re.sub(r"\$\{item\.(fold|seed)\}", "1", command)
    return command.removeprefix("exec ").split()[1:]


def _run(made: Made, *arguments: str) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=made.folder, env=_environment(made), check=True)


def _environment(made: Made) -> dict[str, str]:
    """Return the environment of a stage, as if JAX were not installed."""
    (without := (made.folder / "without-jax").absolute()).mkdir(exist_ok=True)
    (without / "jax.py").write_text("raise ImportError\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": f"{without}{os.pathsep}{ROOT}"}


if __name__ == "__main__":
    main()
