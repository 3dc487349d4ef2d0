"""Build the network and fit it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import pandas as pd
import tensorflow as tf

from stages.errors import StageError
from stages.params import ModelParams, TrainParams
from stages.shards import Cells, read_split
from stages.train.batches import training_batches, validation_batches
from stages.train.levers import check_levers, compile_network
from stages.train.log import EpochLog
from stages.train.loss import loss_name
from stages.train.model import build_model
from stages.train.optimizer import WarmUp, averaged_weights
from stages.train.phases import begin_epoch
from stages.train.policy import PlateauPolicy, PolicyState
from stages.train.precision import choose_precision, set_precision
from stages.train.reestimate import Reestimate


@dataclass(frozen=True)
class Fit:
    """A fitted model, what is to be told of it, and its figures for each epoch."""

    model: keras.Model
    report: dict[str, Any]
    history: pd.DataFrame


def fit(
    params: TrainParams, *, model: ModelParams, seed: int, shards: Path, keras_home: Path
) -> Fit:
    """Fit the network to the training cells, guided by the validation cells.

    It starts from ImageNet weights where `keras_home` holds those of the base, else from scratch.

    Raises:
        StageError: if there are fewer training cells than a batch holds, if the loss diverges, or
            as `check_levers` says.
    """
    device = _prepare_device(deterministic=params.deterministic)  # before TensorFlow does anything
    training, validation = read_split(shards, "train"), read_split(shards, "val")
    steps = _steps_per_epoch(training, params, shards)
    keras.utils.set_random_seed(seed)
    weights = _initial_weights(model, keras_home)
    image_size = training.images.shape[1]
    network = build_model(model, image_size=image_size, weights=weights)
    check_levers(params, network, weights=weights, steps=steps)
    precision = choose_precision(params.precision, capability=_compute_capability())
    compile_network(network, params, precision=precision)
    print(
        f"{model.base} from {weights or 'scratch'}: {len(training.labels):,} training and "
        f"{len(validation.labels):,} validation cells of {image_size} px, {steps} steps an epoch, "
        f"on {device}. The first step takes longest.",
        flush=True,
    )
    state, history = _run(network, params, training=training, validation=validation, seed=seed)
    set_precision(network, "float32")  # whatever it was trained in
    report = {
        **_outcome(state),
        "steps_per_epoch": steps,
        "weights": weights or "none",
        "parameters": network.count_params(),
        "device": device,
        "precision": precision,
        "xla": network.jit_compile,
        "deterministic": params.deterministic,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return Fit(network, report, history)


def _steps_per_epoch(training: Cells, params: TrainParams, shards: Path) -> int:
    steps = len(training.labels) // params.batch_size
    if not steps:
        raise StageError(
            f"{shards}: {len(training.labels)} training cells do not fill a batch; expected "
            f"`train.batch_size`, now {params.batch_size}, to be no more than that"
        )
    return steps


def _prepare_device(*, deterministic: bool) -> str:
    """Have TensorFlow use the GPU where there is one; return the name of what it uses."""
    if deterministic:
        tf.config.experimental.enable_op_determinism()
        # Not enough on a CPU: with operations beside each other, about one run in two on a busy
        # machine gave other bits (TensorFlow 2.21). Each still runs on all cores.
        tf.config.threading.set_inter_op_parallelism_threads(1)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # leave room for others
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', 'of unknown name')}"


def _compute_capability() -> tuple[int, int] | None:
    """Return the lowest compute capability of the GPUs; None where there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    known = [found.get("compute_capability") for found in details]
    return None if None in known else min(known, default=None)


def _initial_weights(model: ModelParams, keras_home: Path) -> Literal["imagenet"] | None:
    weights = keras_home / "models" / f"{model.base.lower()}_notop.h5"
    return "imagenet" if weights.exists() else None


def _run(
    network: keras.Model, params: TrainParams, *, training: Cells, validation: Cells, seed: int
) -> tuple[PolicyState, pd.DataFrame]:
    """Fit the network in place; return where the policy stands and the history."""
    steps = len(training.labels) // params.batch_size
    policy = PlateauPolicy(params.policy, learning_rate=params.learning_rate)
    log = EpochLog(policy, epochs=params.epochs, steps=steps, batch_size=params.batch_size)
    network.fit(
        training_batches(training, params, seed=seed),
        steps_per_epoch=steps,
        epochs=params.epochs,
        validation_data=validation_batches(validation, params),
        callbacks=[
            policy,
            WarmUp(params.warmup_steps, learning_rate=lambda: policy.state.learning_rate),
            _Levers(params, batches=lambda: batches),
            log,
        ],
        shuffle=False,  # `training_batches` has done it
        verbose=0,
    )
    return policy.state, log.history()


class _Levers(keras.callbacks.Callback):  # type: ignore[misc]
    """Pulls the levers at the turns of an epoch; after the policy, which keeps the best weights."""

    def __init__(self, params: TrainParams, *, batches: Callable[[], tf.data.Dataset]) -> None:
        super().__init__()
        self._params = params
        self._batches = batches
        self._validation = contextlib.ExitStack()
        self._reestimate: Reestimate | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        begin_epoch(self.model, self._params.fine_tuning, epoch=epoch)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._validation.enter_context(averaged_weights(self.model.optimizer))
        if count := self._params.reestimate_batch_norm:
            self._reestimate = self._reestimate or Reestimate(self.model)
            self._reestimate(images for images, _ in self._batches().take(count))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._validation.close()


def _outcome(state: PolicyState) -> dict[str, Any]:
    return {
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "stopped_by": "policy" if state.stop else "epochs",
        "val_accuracy": round(float(state.best_accuracy), 6),
        "val_loss": round(float(state.best_loss), 6),
    }
