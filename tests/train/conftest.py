"""Shards of a training that takes seconds, and processes to train in."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.dataset.shard_writer import write_index, write_shard
from stages.dataset.shards import shard_name
from tests.train.scene import Trainings


@pytest.fixture(scope="session")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    trainings = Trainings(tmp_path_factory.mktemp("home"))
    yield trainings
    trainings.end()


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_shards(tmp_path / "shards")


def write_shards(folder: Path) -> Path:
    """Write shards of 12 training and 6 validation cells of 32 px, ALL brighter than HEM."""
    counts = {"train": 12, "val": 6}
    for split, count in counts.items():
        random = np.random.default_rng(count)
        records = []
        for number in range(count):
            label = "all" if number % 2 else "hem"
            level = 140 if number % 2 else 60
            image = random.integers(level, level + 60, (32, 32, 3), np.uint8)
            records.append((image, label, f"{split}-{number}.bmp"))
        write_shard(records, folder / shard_name(split, 0))
    write_index(
        folder,
        crop_size=450,
        image_size=32,
        cells={split: [count] for split, count in counts.items()},
    )
    return folder
