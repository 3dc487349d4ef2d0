"""Build the network and fit it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import pandas as pd
import tensorflow as tf

from stages.common.errors import StageError
from stages.dataset.cell_table import read_cells
from stages.dataset.shard_reader import Cells, ShardImages, image_format, read_part
from stages.network.batch_norm import fuse_batch_norm
from stages.network.known_answers import tell_of_other_bits
from stages.network.model import build_model, synchronize_batch_norm
from stages.network.portable import make_ordinary, make_portable
from stages.network.precision import choose_precision, set_precision
from stages.train.device import Device, peak_memory, shared_by_all, versions
from stages.train.input.input_pipeline import InputPipeline
from stages.train.learning_rate_policy import PolicyState
from stages.train.log import EpochLog
from stages.train.loop import EpochLoop
from stages.train.machine import describe_machine, machine_line
from stages.train.state.interruption import Watch
from stages.train.state.train_state import TrainState
from stages.train.steps.compilation import check_training, compile_network
from stages.train.training_setup import TrainingSetup

REPORTED_CHECKPOINTS = 3
"""Number of latest checkpoints whose size and seconds go into last_run.json."""


@dataclass(frozen=True)
class Fit:
    """A fitted model with its figures.

    Attributes:
        model: with the weights of the best epoch.
        report: figures that are the same for each run of a commit.
        run: figures that differ between runs: times, rates, memory.
        history: a row for each epoch.
    """

    model: keras.Model
    report: dict[str, Any]
    run: dict[str, Any]
    history: pd.DataFrame


def fit(setup: TrainingSetup, *, state: TrainState, watch: Watch) -> Fit:
    """Fit the network to the training cells, guided by the validation cells.

    Training starts from the trained model or the ImageNet weights if one of them exists, else from
    scratch. It resumes from the latest checkpoint in `state` if there is one.

    Raises:
        StageError: if the training cells do not fill a batch, the devices cannot share a batch, the
            loss diverges, memory is too small, or as `check_training` says.
        SystemExit: if `watch` has a reason to stop.
    """
    cells = read_cells(setup.cells_csv)
    training, validation = (read_part(setup.shards, cells, part) for part in ("train", "val"))
    steps = _steps_per_epoch(training, setup)
    keras.utils.set_random_seed(setup.params.seed)
    weights = setup.weights_report()
    image_size = training.images.shape[1]
    precision = choose_precision(setup.params.precision, capability=setup.device.capability)
    log = _log(setup, steps)
    inputs = InputPipeline(
        training,
        validation,
        setup.params,
        seed=setup.params.seed,
        devices=setup.device.count,
    )
    with shared_by_all(setup.device):
        network = build_model(setup.model, image_size=image_size, weights=setup.weights)
        check_training(
            setup.params,
            network,
            weights=setup.weights,
            steps=steps,
            devices=setup.device.count,
        )
        _configure_batch_norm(network, setup)
        compile_network(
            network,
            setup.params,
            precision=precision,
            on_gpu=setup.device.kind == "GPU",
        )
        loop = EpochLoop(network, setup.params, inputs=inputs, seed=setup.params.seed, log=log)
    print(
        f"{setup.model.base}, weights {weights['weights']}: {len(training.labels):,} training and "
        f"{len(validation.labels):,} validation cells of {image_size} px, "
        f"{steps} steps an epoch, on {setup.device.name}. The first step takes longest.",
        flush=True,
    )
    machine = describe_machine(
        setup.device, deterministic=setup.params.deterministic, threads=setup.params.threads
    )
    print(machine_line(machine), flush=True)
    if _one_cpu(setup.device) and setup.params.deterministic:
        tell_of_other_bits()
    started = time.monotonic()
    with _explain_out_of_memory(setup), _explain_unreadable(training, validation):
        loop.run(state, watch)
    _reset_training_settings(network)
    report = {
        **_outcome(loop.policy.state, steps),
        "cells": image_format(setup.shards),
        **weights,
        "parameters": network.count_params(),
        "device": setup.device.name,
        "precision": precision,
        "xla": network.jit_compile,
        "deterministic": setup.params.deterministic,
        "threads": setup.params.threads,
        "settings_sha256": setup.settings_sha256(),
        **versions(setup.device),
    }
    run = {
        "seconds": time.monotonic() - started,
        **peak_memory(setup.device),
        "machine": machine,
        "checkpoints": [dataclasses.asdict(saved) for saved in loop.saved[-REPORTED_CHECKPOINTS:]],
        "epochs": log.times,
    }
    return Fit(network, report, run, log.history())


def _configure_batch_norm(network: keras.Model, setup: TrainingSetup) -> None:
    """Synchronize batch norm across several devices; make it portable or fuse it on one CPU."""
    synchronize_batch_norm(network, wanted=setup.device.count > 1)
    if _one_cpu(setup.device):
        (make_portable if setup.params.deterministic else fuse_batch_norm)(network)


def _one_cpu(device: Device) -> bool:
    return device.kind == "CPU" and device.count == 1


def _reset_training_settings(network: keras.Model) -> None:
    """Undo the settings that only training needs, because the model file would store them."""
    make_ordinary(network)
    set_precision(network, "float32")
    synchronize_batch_norm(network, wanted=False)
    for layer in network.layers:
        layer.trainable = True


def _steps_per_epoch(training: Cells, setup: TrainingSetup) -> int:
    batch_size, devices = setup.params.batch_size, setup.device.count
    if batch_size % devices:
        raise StageError(
            f"train.batch_size is {batch_size}, expected a multiple of {devices}, for {devices} "
            "devices share each batch; change it, or set `train.devices` to one"
        )
    steps = len(training.labels) // batch_size
    if not steps:
        raise StageError(
            f"{setup.shards}: {len(training.labels)} training cells do not fill a batch; "
            f"expected `train.batch_size`, now {batch_size}, to be no more than that"
        )
    return steps


def _log(setup: TrainingSetup, steps: int) -> EpochLog:
    return EpochLog(
        epochs=setup.params.epochs,
        steps=steps,
        batch_size=setup.params.batch_size,
        estimate=setup.device.kind == "CPU",  # a GPU still computes when a step seems done
    )


@contextlib.contextmanager
def _explain_out_of_memory(setup: TrainingSetup) -> Iterator[None]:
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise StageError(
            f"{setup.device.name} has too little memory for this training: lower "
            f"`train.batch_size`, now {setup.params.batch_size}, with a higher "
            "`train.accumulate_batches` if you like, or `preprocess.image_size`; or set "
            "`train.precision` to auto"
        ) from error


@contextlib.contextmanager
def _explain_unreadable(*parts: Cells) -> Iterator[None]:
    """Raise the StageError of an image that cannot be read, which TensorFlow hides in its own."""
    try:
        yield
    except tf.errors.OpError:
        for cells in parts:
            if isinstance(cells.images, ShardImages) and cells.images.failure:
                raise cells.images.failure from None
        raise


def _outcome(state: PolicyState, steps: int) -> dict[str, Any]:
    return {
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "stopped_by": "policy" if state.stop else "epochs",
        "val_accuracy": round(float(state.best_accuracy), 6),
        "val_loss": round(float(state.best_loss), 6),
        "steps_per_epoch": steps,
        "steps": steps * state.epoch,
    }
