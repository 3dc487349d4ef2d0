"""Time one way of feeding a training, in its own process: read the batches of an epoch, no model.

    .venv/bin/python -m benchmarks.input_ways WAY FOLDER

FOLDER holds the built-in cells up to the shards, and in `unpacked/<class>` the training images as
BMP files. It prints the seconds of an epoch after the first one.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from stages.common.tensorflow_import import import_tensorflow

BATCH_SIZE = 40
LATER = 3
"""Number of later epochs. Their median is reported."""

Epoch = Callable[[int], None]
"""Uses all batches of the epoch with this number."""


def main() -> None:
    """Run the way of the first argument in the folder of the second argument."""
    way, folder = sys.argv[1:]
    print(WAYS[way](Path(folder)))


def project(folder: Path) -> float:
    """Feed as the train stage does, from the shards, deterministically."""
    import_tensorflow()
    from stages.common.params_file import load_params
    from stages.dataset.cell_table import read_cells
    from stages.dataset.shard_reader import read_part
    from stages.train.device import prepare_device
    from stages.train.input.batches import training_batches
    from stages.train.params import TrainParams

    prepare_device("cpu", devices="one", deterministic=True, threads=2)
    params = load_params(folder / "params.yaml").section(TrainParams)
    params = dataclasses.replace(params, batch_size=BATCH_SIZE)

    def begin() -> Epoch:
        listed = read_cells(folder / "data/splits/cells.csv")
        cells = read_part(folder / "data/shards/training", listed, "train")
        steps = len(cells.labels) // BATCH_SIZE

        def epoch(number: int) -> None:
            _use(training_batches(cells, params, seed=1, first_step=number * steps))

        return epoch

    return _seconds(begin)


def directory(folder: Path) -> float:
    """Feed with keras.utils.image_dataset_from_directory, and flips."""
    import_tensorflow()
    import keras
    import tensorflow as tf

    def begin() -> Epoch:
        batches = keras.utils.image_dataset_from_directory(
            folder / "unpacked",
            image_size=_size(folder),
            batch_size=BATCH_SIZE,
            shuffle=True,
            seed=1,
            verbose=False,
        ).map(
            lambda images, labels: (tf.image.random_flip_left_right(images), labels),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return lambda _: _use(batches)

    return _seconds(begin)


def torch(folder: Path) -> float:
    """Feed with PyTorch's DataLoader, 2 workers."""
    from torch.utils.data import DataLoader

    from benchmarks.input_torch import Images

    def begin() -> Epoch:
        images = Images(sorted((folder / "unpacked").glob("*/*.bmp")), _size(folder))
        batches = DataLoader(
            images, batch_size=BATCH_SIZE, shuffle=True, num_workers=2, persistent_workers=True
        )
        return lambda _: _use(batches)

    return _seconds(begin)


WAYS: dict[str, Callable[[Path], float]] = {
    way.__name__: way for way in (project, directory, torch)
}


def _seconds(begin: Callable[[], Epoch]) -> float:
    """Return the median of the seconds of epochs after the first one."""
    epoch = begin()
    epoch(0)
    ends = [time.perf_counter()]
    for number in range(1, 1 + LATER):
        epoch(number)
        ends.append(time.perf_counter())
    return statistics.median(end - start for start, end in itertools.pairwise(ends))


def _use(batches: Iterable[Any]) -> None:
    for _ in batches:
        pass


def _size(folder: Path) -> tuple[int, int]:
    index = json.loads((folder / "data/shards/training/index.json").read_text(encoding="utf-8"))
    return index["image_size"], index["image_size"]


if __name__ == "__main__":
    main()
