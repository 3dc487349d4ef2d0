"""A workspace in which tests/train/tiny_training.py runs, and is ended, in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stages.dataset.cell_table import write_cells
from stages.download.weights import KERAS_SETTINGS
from tests import shard_folder
from tests.conftest import ROOT

PROGRAM = Path(__file__).with_name("tiny_training.py")
OUTPUTS = ("model.keras", "history.csv", "train.json")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
CELLS = {"train": 25, "val": 10}
BATCH_SIZE = 4
STEPS = CELLS["train"] // BATCH_SIZE
SETTINGS: dict[str, Any] = {
    "batch_size": BATCH_SIZE,
    "epochs": 4,
    "optimizer": "Adamax",
    "learning_rate": 0.15,
    "cooldown_steps": 0,
    "checkpoint_every_steps": 2,
    "augmentation": {
        "horizontal_flip": True,
        "vertical_flip": False,
        "quarter_turns": False,
        "rotation_degrees": 0.0,
        "brightness": 0.0,
        "stain": 0.0,
    },
}


@dataclass(frozen=True)
class Finished:
    """What is left of a training when it has ended."""

    returncode: int
    stdout: str
    stderr: str


class Trainings:
    """Runs trainings and programs one after the other, each in a process of its own.

    In these processes TensorFlow is imported, and nothing has been asked of it.
    """

    def __init__(self, home: Path) -> None:
        self._output = home
        self._server = subprocess.Popen(
            [sys.executable, str(PROGRAM), "serve"],
            env=ENVIRONMENT | {"KERAS_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, *point: object) -> Finished:
        """Train in the folder."""
        return self._answer(folder, folder, point=[str(word) for word in point])

    def python(self, program: str, *arguments: str) -> Finished:
        """Run the program in the project's folder, as `python -c` does."""
        return self._answer(ROOT, self._output, program=program, arguments=arguments)

    def _answer(self, folder: Path, output: Path, **request: object) -> Finished:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request |= {"folder": str(folder), "output": str(output)}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        exit_code = int(self._server.stdout.readline())
        told = [(output / name).read_text() for name in ("stdout", "stderr")]
        return Finished(exit_code, *told)

    def end(self) -> None:
        self._server.communicate()


class Scene:
    """A folder that holds parameters, shards of 32 px and the table of their cells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        (folder / "home/keras.json").write_text(json.dumps(KERAS_SETTINGS))
        self.set_params()
        self.write_shards()

    def set_params(self, **changes: object) -> None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        params["profiles"]["synthetic"]["train"] |= SETTINGS | changes
        params["profiles"]["synthetic"]["train"]["policy"] |= {
            "monitor": "val_accuracy",
            "patience": 1,
            "stop_patience": 9,
        }
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params))

    def set_policy(self, **changes: object) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params["profiles"]["synthetic"]["train"]["policy"] |= changes
        path.write_text(yaml.safe_dump(params))

    def write_shards(self, seed: int = 1, **cells: int) -> None:
        shutil.rmtree(self.folder / "shards", ignore_errors=True)
        parts = {
            split: list(noisy_cells(split, count, seed)) for split, count in (CELLS | cells).items()
        }
        records = [record for part in parts.values() for record in part]
        shard_folder.write_shards(self.folder / "shards", records, image_size=32)
        write_cells(shard_folder.table_of(parts), self.folder / "cells.csv")

    def outputs(self) -> dict[str, bytes]:
        return {
            name: (self.folder / name).read_bytes()
            for name in OUTPUTS
            if (self.folder / name).exists()
        }

    def begin_anew(self) -> None:
        """Remove the outputs, and the state that a finished training has left."""
        for name in OUTPUTS:
            (self.folder / name).unlink()
        shutil.rmtree(self.folder / ".train_state")

    def checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob(".train_state/*/checkpoint-*"))


def command(*point: object) -> list[str]:
    """A training that is started like any program; wants ENVIRONMENT."""
    return [sys.executable, str(PROGRAM), *map(str, point)]


def noisy_cells(
    split: str, count: int, seed: int
) -> Iterator[tuple[np.ndarray[Any, Any], str, str]]:
    random = np.random.default_rng([seed, count])
    for number in range(count):
        level = 80 if number % 2 else 60
        image = random.integers(level, level + 100, (32, 32, 3), np.uint8)
        yield image, "all" if number % 2 else "hem", f"{split}-{number}.bmp"


def resumed_at(finished: Finished) -> str | None:
    """Where a training says that it goes on from: "epochs steps"."""
    for line in finished.stdout.splitlines():
        if line.startswith("Resumed after "):
            words = line.split()
            return f"{words[2]} {words[5]}"
    return None
