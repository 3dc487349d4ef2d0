"""Build the network and fit it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import keras
import pandas as pd
import tensorflow as tf

from stages.errors import StageError
from stages.params import ModelParams, TrainParams
from stages.shards import read_split
from stages.train.batches import training_batches, validation_batches
from stages.train.log import EpochLog
from stages.train.model import build_model
from stages.train.policy import PlateauPolicy


@dataclasses.dataclass(frozen=True)
class Fit:
    """A fitted model, what is to be told of it, and its figures for each epoch."""

    model: keras.Model
    report: dict[str, Any]
    history: pd.DataFrame


def fit(
    params: TrainParams, *, model: ModelParams, seed: int, shards: Path, keras_home: Path
) -> Fit:
    """Fit the network to the training cells, guided by the validation cells.

    Raises:
        StageError: if there are fewer training cells than a batch holds, or the loss diverges.
    """
    training, validation = read_split(shards, "train"), read_split(shards, "val")
    steps = len(training.labels) // params.batch_size
    if not steps:
        raise StageError(
            f"{shards}: {len(training.labels)} training cells do not fill a batch; expected "
            f"`train.batch_size`, now {params.batch_size}, to be no more than that"
        )
    keras.utils.set_random_seed(seed)
    if params.deterministic:
        tf.config.experimental.enable_op_determinism()
    device = _device()
    weights_file = keras_home / "models" / f"{model.base.lower()}_notop.h5"
    weights: Literal["imagenet"] | None = "imagenet" if weights_file.exists() else None
    network = build_model(model, image_size=training.images.shape[1], weights=weights)
    print(
        f"{model.base} from {weights or 'scratch'}: {len(training.labels):,} training and "
        f"{len(validation.labels):,} validation cells of {training.images.shape[1]} px, "
        f"{steps} steps an epoch, on {device}. The first step takes longest.",
        flush=True,
    )
    optimizer = getattr(keras.optimizers, params.optimizer)(params.learning_rate)
    network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    policy = PlateauPolicy(params.policy, learning_rate=params.learning_rate)
    log = EpochLog(policy, epochs=params.epochs, steps=steps, batch_size=params.batch_size)
    network.fit(
        training_batches(
            training,
            batch_size=params.batch_size,
            epochs=params.epochs,
            seed=seed,
            horizontal_flip=params.horizontal_flip,
        ),
        steps_per_epoch=steps,
        epochs=params.epochs,
        validation_data=validation_batches(validation, batch_size=params.batch_size),
        callbacks=[policy, log],
        verbose=0,
    )
    state = policy.state
    report = {
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "stopped_by": "policy" if state.stop else "epochs",
        "val_accuracy": round(float(state.best_accuracy), 6),
        "val_loss": round(float(state.best_loss), 6),
        "steps_per_epoch": steps,
        "weights": weights or "none",
        "trainable_parameters": sum(
            int(v.shape.num_elements() or 0) for v in network.trainable_variables
        ),
        "device": device,
        "deterministic": params.deterministic,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return Fit(network, report, log.history())


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # leave room for others
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', 'of unknown name')}"
