"""Ways of feeding a training, each in a process of its own: an epoch of batches, used by nobody.

    .venv/bin/python -m benchmarks.input_ways WAY FOLDER

In FOLDER the built-in cells as far as the shards, and in `unpacked/<class>` the training images as
BMP files. Prints the seconds of an epoch as JSON: of the first one and of a later one.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from stages.quiet import import_tensorflow

BATCH_SIZE = 40
LATER = 5
"""Later epochs, of which the median is told."""

Epochs = dict[str, float]


def main() -> None:
    """Run the way that the first argument names, in the folder that the second one names."""
    way, folder = sys.argv[1:]
    print(json.dumps(WAYS[way](Path(folder))))


def project(folder: Path) -> Epochs:
    """Feed as the train stage does, from the shards, deterministically."""
    import_tensorflow()
    from stages.params import TrainParams, load_params
    from stages.shards import read_split
    from stages.train.batches import training_batches
    from stages.train.device import prepare_device

    prepare_device("cpu", devices="one", deterministic=True)
    params = load_params(folder / "params.yaml").section(TrainParams)
    params = dataclasses.replace(params, batch_size=BATCH_SIZE, epochs=1 + LATER)

    def batches(number: int) -> Any:
        steps = len(cells.labels) // BATCH_SIZE
        return training_batches(cells, params, seed=1, first_step=number * steps)

    def first() -> None:
        nonlocal cells
        cells = read_split(folder / "data/shards", "train")
        _use(batches(0))

    cells: Any = None
    return _epochs(first, _use, prepare=batches)


def generator(folder: Path) -> Epochs:
    """Feed as the notebook did, with Keras' ImageDataGenerator."""
    import_tensorflow()
    import pandas as pd
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    paths = sorted((folder / "unpacked").glob("*/*.bmp"))
    table = pd.DataFrame({"path": map(str, paths), "label": [path.parent.name for path in paths]})
    batches = ImageDataGenerator(horizontal_flip=True).flow_from_dataframe(
        table,
        x_col="path",
        y_col="label",
        target_size=_size(folder),
        batch_size=BATCH_SIZE,
        shuffle=True,
        verbose=False,
    )

    def epoch(_: int = 0) -> None:
        _use(batches[number] for number in range(len(batches)))
        batches.on_epoch_end()

    return _epochs(epoch, epoch)


def directory(folder: Path) -> Epochs:
    """Feed with keras.utils.image_dataset_from_directory, and flips."""
    import_tensorflow()
    import keras
    import tensorflow as tf

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
    return _epochs(lambda: _use(batches), lambda _: _use(batches))


def torch(folder: Path) -> Epochs:
    """Feed with PyTorch's DataLoader, 2 workers."""
    from torch.utils.data import DataLoader

    from benchmarks.input_torch import Images

    images = Images(sorted((folder / "unpacked").glob("*/*.bmp")), _size(folder))
    batches = DataLoader(
        images, batch_size=BATCH_SIZE, shuffle=True, num_workers=2, persistent_workers=True
    )
    return _epochs(lambda: _use(batches), lambda _: _use(batches))


def page_cache(folder: Path) -> Epochs:
    """Read the decoded bytes of the training images from a file that is in the page cache."""
    file = folder / "decoded"
    buffer = bytearray(BATCH_SIZE * 3 * _size(folder)[0] ** 2)

    def epoch(_: int = 0) -> None:
        with file.open("rb", buffering=0) as opened:
            while opened.readinto(buffer):
                pass

    return _epochs(epoch, epoch)


WAYS: dict[str, Callable[[Path], Epochs]] = {
    way.__name__: way for way in (project, generator, directory, torch, page_cache)
}


def _epochs(
    first: Callable[[], None],
    later: Callable[[Any], None],
    *,
    prepare: Callable[[int], Any] = int,
) -> Epochs:
    """Time the first epoch as a whole, and later ones from what `prepare` gives for each."""
    seconds = [_seconds(first)]
    for number in range(1, 1 + LATER):
        prepared = prepare(number)
        seconds.append(_seconds(lambda prepared=prepared: later(prepared)))
    return {"first": seconds[0], "later": statistics.median(seconds[1:])}


def _seconds(epoch: Callable[[], None]) -> float:
    began = time.perf_counter()
    epoch()
    return time.perf_counter() - began


def _use(batches: Iterable[Any]) -> None:
    for _ in batches:
        pass


def _size(folder: Path) -> tuple[int, int]:
    index = json.loads((folder / "data/shards/index.json").read_text(encoding="utf-8"))
    return index["image_size"], index["image_size"]


if __name__ == "__main__":
    main()
