"""Shards of a training that takes seconds, and processes to train in."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.dataset.cell_table import write_cells
from tests import shard_folder
from tests.train.scene import Trainings


@pytest.fixture(scope="session")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    trainings = Trainings(tmp_path_factory.mktemp("home"))
    yield trainings
    trainings.end()


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_shards(tmp_path / "shards")


@pytest.fixture
def cells_csv(shards: Path) -> Path:
    return shards.with_name("cells.csv")


def write_shards(folder: Path) -> Path:
    """Write 12 training and 6 validation cells of 32 px, ALL brighter than HEM.

    The table of cells lies beside the folder, as cells.csv.
    """
    parts = {}
    for split, count in {"train": 12, "val": 6}.items():
        random = np.random.default_rng(count)
        parts[split] = []
        for number in range(count):
            label = "all" if number % 2 else "hem"
            level = 140 if number % 2 else 60
            image = random.integers(level, level + 60, (32, 32, 3), np.uint8)
            parts[split].append((image, label, f"{split}-{number}.bmp"))
    write_cells(shard_folder.table_of(parts), folder.with_name("cells.csv"))
    return shard_folder.write_shards(folder, [*parts["train"], *parts["val"]], image_size=32)
