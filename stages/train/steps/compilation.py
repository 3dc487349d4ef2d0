"""The levers of model and optimizer put together. Pure Keras."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.network.precision import Precision, choose_xla, require_xla_possible, set_precision
from stages.train.params import TrainParams
from stages.train.steps.fine_tuning import check_fine_tuning
from stages.train.steps.frozen_base import Head, HeadOnFrozenBase, features_once
from stages.train.steps.loss import loss_name, targets
from stages.train.steps.optimizer import build_optimizer


def check_training(
    params: TrainParams,
    network: keras.Model,
    *,
    weights: Literal["imagenet"] | None,
    steps: int,
    devices: int,
) -> None:
    """Check, before any training, what the parameters ask of this network and these cells.

    Args:
        params: of the training.
        network: from `build_model`.
        weights: what it starts from.
        steps: batches an epoch.
        devices: how many share a batch.

    Raises:
        StageError: on fine-tuning that the network does not allow or that no epoch is left for,
            XLA that Keras would leave out, accumulation on several devices, or an epoch with fewer
            batches than are to be accumulated or to give statistics.
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
    adamax: type[Any] = keras.optimizers.Adamax,
) -> None:
    """Compile the network for training, its optimizer built with all of its weights.

    Args:
        network: from `build_model`.
        params: of the training.
        precision: of the base.
        on_gpu: whether it trains there.
        adamax: Adamax, or a class that does the same.
    """
    set_precision(network, precision)
    optimizer = build_optimizer(params, precision=precision, adamax=adamax)
    jit_compile = choose_xla(params.xla, deterministic=params.deterministic, on_gpu=on_gpu)
    _compile(network, optimizer, params, jit_compile=jit_compile)
    optimizer.build(network.trainable_variables)


def compile_head(network: keras.Model, params: TrainParams) -> keras.Model:
    """Return what is fitted while the base of a network from `compile_network` is frozen.

    It takes features where they are computed once, else images. Layers, weights and optimizer are
    those of the network; metrics and compiled steps are its own.
    """
    head = Head(network) if features_once(params) else HeadOnFrozenBase(network)
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
    # Keras would build the metrics in the first step, and trace that twice.
    goals = targets(np.zeros(1, np.int64), label_smoothing=params.label_smoothing, training=True)
    network.compute_metrics(None, goals, np.ones((1, len(CLASS_NAMES)), np.float32))
    network.reset_metrics()
