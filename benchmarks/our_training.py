"""Worker that runs this project's training: one epoch, or a part of one, at a time."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cells import ROOT, Made, spread
from benchmarks.workers import Turns
from stages.common.params_file import Params, load_params
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.cell_table import read_cells

EPOCH, BATCHES, ONE_BATCH = "epoch", "steps", "steps of one batch"
VALIDATION = "validation"
FROZEN, FROZEN_ONCE = "frozen, flips", "frozen, features once"
EPOCHS = 1000
"""More than any benchmark requests."""

FROZEN_EPOCHS = 5
"""Epochs that share one computation of the features."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.our_training")
    parser.add_argument("--cells", type=Path, required=True, help="folder of built-in cells")
    for name in ("training-cells", "validation-cells"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--free", action="store_true", help="not deterministic")
    options = parser.parse_args(arguments)
    params = _params(deterministic=not options.free)
    train = params.profiles["cnmc"].train
    import_tensorflow(deterministic=train.deterministic)
    from stages.train.device import prepare_device

    prepare_device("cpu", devices="one", deterministic=train.deterministic, threads=train.threads)
    counts = {"train": options.training_cells, "val": options.validation_cells}
    _train(params, Made(options.cells), counts)


def _train(params: Params, made: Made, counts: dict[str, int]) -> None:
    import keras

    from stages.train.input.input_pipeline import InputPipeline
    from stages.train.log import EpochLog
    from stages.train.loop import EpochLoop
    from stages.train.state.interruption import watched
    from stages.train.state.train_state import TrainState

    keras.utils.set_random_seed(1)
    cells = [_some(made, split, count) for split, count in counts.items()]
    size = cells[0].images.shape[1]
    inputs = InputPipeline(*cells, params.profiles["cnmc"].train, seed=1, devices=1)
    network = _network(params, size, frozen=False)
    turns = Turns(_fits(network, inputs) | _frozen_fits(params, cells))

    class Log(EpochLog):
        """Waits for a request before each epoch, after the previous epoch is saved."""

        def begin(self, epoch: int, *, step: int, until: int) -> None:
            """Start an epoch on request."""
            turns.wait(EPOCH)
            super().begin(epoch, step=step, until=until)

    train = params.profiles["cnmc"].train
    log = Log(epochs=EPOCHS, steps=inputs.steps, batch_size=train.batch_size, estimate=False)
    with tempfile.TemporaryDirectory() as folder, watched() as watch:
        loop = EpochLoop(network, train, inputs=inputs, seed=1, log=log)
        loop.run(TrainState(Path(folder)), watch)


def _params(*, deterministic: bool) -> Params:
    """Return the recipe for the real cells, without an early stop."""
    params = load_params(ROOT / "params.yaml")
    train = params.profiles["cnmc"].train
    policy = replace(train.policy, patience=EPOCHS)
    train = replace(train, epochs=EPOCHS, policy=policy, deterministic=deterministic)
    return replace(params, profiles={"cnmc": replace(params.profiles["cnmc"], train=train)})


def _some(made: Made, split: str, count: int) -> Any:
    from stages.dataset.shard_reader import read_part

    listed = read_cells(made.cells_csv)
    listed = listed[listed["split"] == split]
    return read_part(made.shards, listed.iloc[spread(len(listed), count)], split)


def _network(params: Params, image_size: int, *, frozen: bool) -> Any:
    from stages.network.batch_norm import fuse_batch_norm
    from stages.network.model import build_model
    from stages.network.portable import make_portable
    from stages.train.steps.compilation import compile_network
    from stages.train.steps.fine_tuning import begin_epoch

    train = params.profiles["cnmc"].train
    network = build_model(params.model, image_size=image_size, weights=None)
    (make_portable if train.deterministic else fuse_batch_norm)(network)
    compile_network(network, train, precision="float32", on_gpu=False)
    fine_tuning = replace(train.fine_tuning, freeze_epochs=int(frozen))
    begin_epoch(network, fine_tuning, epoch=0)
    return network


def _fits(network: Any, inputs: Any) -> dict[str, Any]:
    """Return an epoch's parts: steps on all batches, steps on one batch, and validation."""

    def fit(batches: Any) -> None:
        network.fit(batches, steps_per_epoch=inputs.steps, shuffle=False, verbose=0)

    one = inputs.training(0).take(1).cache().repeat()
    return {
        BATCHES: lambda: fit(inputs.training(0)),
        ONE_BATCH: lambda: fit(one),
        VALIDATION: lambda: network.evaluate(inputs.validation, verbose=0),
    }


def _frozen_fits(params: Params, cells: Sequence[Any]) -> dict[str, Any]:
    """Return fits of the head on a frozen base: of one epoch, and of FROZEN_EPOCHS."""
    from stages.train.input.input_pipeline import InputPipeline
    from stages.train.steps.compilation import compile_head
    from stages.train.steps.frozen_base import frozen_base

    flipped = params.profiles["cnmc"].train
    plain = replace(
        flipped,
        augmentation=replace(flipped.augmentation, horizontal_flip=False),
        fine_tuning=replace(flipped.fine_tuning, freeze_epochs=FROZEN_EPOCHS),
    )
    network = _network(params, cells[0].images.shape[1], frozen=True)
    base = frozen_base(network)
    heads = {train: compile_head(network, train) for train in (flipped, plain)}
    flips, images = (InputPipeline(*cells, train, seed=1, devices=1) for train in (flipped, plain))

    def fit(train: Any, inputs: InputPipeline, epochs: int) -> None:
        for epoch in range(epochs):
            batches = inputs.training(epoch * inputs.steps)
            heads[train].fit(batches, steps_per_epoch=inputs.steps, shuffle=False, verbose=0)
            heads[train].evaluate(inputs.validation, verbose=0)

    return {
        FROZEN: lambda: fit(flipped, flips, 1),
        FROZEN_ONCE: lambda: fit(plain, images.with_features(base, callbacks=[]), FROZEN_EPOCHS),
    }


if __name__ == "__main__":
    main()
