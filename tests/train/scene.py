"""A workspace in which tests/train/tiny_training.py runs, and is ended, in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stages.download.weights import KERAS_SETTINGS
from stages.shards import shard_name, write_index, write_shard

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("tiny_training.py")
OUTPUTS = ("model.keras", "history.csv", "train.json")
CELLS = {"train": 25, "val": 10}
BATCH_SIZE = 4
STEPS = CELLS["train"] // BATCH_SIZE
SETTINGS: dict[str, Any] = {
    "batch_size": BATCH_SIZE,
    "epochs": 4,
    "learning_rate": 0.05,
    "checkpoint_every_steps": 2,
}


class Scene:
    """A folder that holds code, parameters and shards of 32 px."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "stages", folder / "stages")
        (folder / "home").mkdir()
        (folder / "home/keras.json").write_text(json.dumps(KERAS_SETTINGS))
        self.set_params()
        self.write_shards()

    def set_params(self, **changes: object) -> None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        params["profiles"]["synthetic"]["train"] |= SETTINGS | changes
        params["profiles"]["synthetic"]["train"]["policy"] |= {"patience": 1, "stop_patience": 9}
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params))

    def write_shards(self, seed: int = 1) -> None:
        for split, count in CELLS.items():
            path = self.folder / "shards" / shard_name(split, 0)
            write_shard(noisy_cells(split, count, seed), path)
        counts = {split: [count] for split, count in CELLS.items()}
        write_index(self.folder / "shards", image_size=32, cells=counts)

    def command(self, *point: object) -> list[str]:
        return [sys.executable, str(PROGRAM), *map(str, point)]

    def train(self, *point: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Train, to the end or to where `point` ends it: see tiny_training.py."""
        return subprocess.run(
            self.command(*point),
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def outputs(self) -> dict[str, bytes]:
        return {
            name: (self.folder / name).read_bytes()
            for name in OUTPUTS
            if (self.folder / name).exists()
        }

    def checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob(".train_state/*/checkpoint-*"))


def noisy_cells(
    split: str, count: int, seed: int
) -> Iterator[tuple[np.ndarray[Any, Any], str, str]]:
    random = np.random.default_rng([seed, count])
    for number in range(count):
        level = 80 if number % 2 else 60
        image = random.integers(level, level + 100, (32, 32, 3), np.uint8)
        yield image, "all" if number % 2 else "hem", f"{split}-{number}.bmp"


def resumed_at(finished: subprocess.CompletedProcess[str]) -> str | None:
    """Where a training says that it goes on from: "epochs steps"."""
    for line in finished.stdout.splitlines():
        if line.startswith("Resumed after "):
            words = line.split()
            return f"{words[2]} {words[5]}"
    return None
