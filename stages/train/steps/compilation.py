"""Check the parameters of a training and compile the network. Pure Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.network.precision import Precision, choose_xla, require_xla_possible, set_precision
from stages.train.params import TrainParams
from stages.train.steps.fine_tuning import check_fine_tuning
from stages.train.steps.frozen_base import Head, HeadOnFrozenBase, features_are_constant
from stages.train.steps.loss import loss_name, targets
from stages.train.steps.optimizer import build_optimizer


def check_training(
    params: TrainParams,
    network: keras.Model,
    *,
    weights: Literal["imagenet"] | Path | None,
    steps: int,
    devices: int,
) -> None:
    """Check, before any training, that the parameters suit the network and the cells.

    Args:
        params: of the training.
        network: from `build_model`.
        weights: the initial weights.
        steps: batches per epoch.
        devices: number of devices that share a batch.

    Raises:
        StageError: if the network does not allow the fine-tuning, no epoch is left for it, Keras
            would not use XLA, several devices would accumulate, `dwell` and `ema_decay` are both
            set, or an epoch has fewer batches than accumulation or re-estimation needs.
    """
    check_fine_tuning(params.fine_tuning, network, weights=weights)
    require_xla_possible(params.xla, deterministic=params.deterministic)
    if params.fine_tuning.freeze_epochs >= params.epochs:
        raise StageError(
            f"train.fine_tuning.freeze_epochs is {params.fine_tuning.freeze_epochs}, expected less "
            f"than `train.epochs`, {params.epochs}: the base would never train"
        )
    if params.accumulate_batches > 1 < devices:
        raise StageError(
            f"train.accumulate_batches is {params.accumulate_batches} and {devices} devices share "
            "each batch: Keras cannot do both; set it to 1 with a larger `train.batch_size`, or "
            "`train.devices` to one"
        )
    if params.policy.dwell and params.ema_decay is not None:
        raise StageError(
            "train.policy.dwell is true and train.ema_decay is set: the best weights are means, "
            "from which training cannot go on; set one of them to false or null"
        )
    for name in ("accumulate_batches", "reestimate_batch_norm"):
        if getattr(params, name) > steps:
            raise StageError(
                f"train.{name} is {getattr(params, name)}, expected at most {steps}: the batches "
                f"of an epoch; lower it, or lower `train.batch_size`, now {params.batch_size}"
            )


def compile_network(
    network: keras.Model,
    params: TrainParams,
    *,
    precision: Precision,
    on_gpu: bool,
) -> None:
    """Compile the network for training, and build its optimizer with all of its weights.

    Args:
        network: from `build_model`.
        params: of the training.
        precision: of the base.
        on_gpu: whether the network trains on a GPU.
    """
    set_precision(network, precision)
    optimizer = build_optimizer(params, precision=precision)
    jit_compile = choose_xla(params.xla, deterministic=params.deterministic, on_gpu=on_gpu)
    _compile(network, optimizer, params, jit_compile=jit_compile)
    optimizer.build(network.trainable_variables)


def compile_head(network: keras.Model, params: TrainParams) -> keras.Model:
    """Return the model to fit while the base of a network from `compile_network` is frozen.

    It takes features if they are computed once, else images. It shares layers, weights and
    optimizer with the network; it has its own metrics and compiled steps.
    """
    head = Head(network) if features_are_constant(params) else HeadOnFrozenBase(network)
    _compile(head, network.optimizer, params, jit_compile=network.jit_compile)
    return head


def _compile(
    network: keras.Model, optimizer: Any, params: TrainParams, *, jit_compile: bool
) -> None:
    network.compile(
        optimizer,
        loss=loss_name(params.label_smoothing),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    # Otherwise Keras builds the metrics in the first step and traces this step twice.
    goals = targets(np.zeros(1, np.int64), label_smoothing=params.label_smoothing, training=True)
    network.compute_metrics(None, goals, np.ones((1, len(CLASS_NAMES)), np.float32))
    network.reset_metrics()
