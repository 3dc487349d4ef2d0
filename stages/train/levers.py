"""The levers of model and optimizer put together. Pure Keras."""

from __future__ import annotations

from typing import Literal

import keras

from stages.errors import StageError
from stages.params import TrainParams
from stages.train.loss import loss_name
from stages.train.optimizer import build_optimizer
from stages.train.phases import check_fine_tuning
from stages.train.precision import Precision, choose_xla, require_xla_possible, set_precision


def check_levers(
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
    require_xla_possible(params)
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
    network: keras.Model, params: TrainParams, *, precision: Precision, on_gpu: bool
) -> None:
    """Compile the network for training, its optimizer built with all of its weights."""
    set_precision(network, precision)
    optimizer = build_optimizer(params, precision=precision)
    network.compile(
        optimizer,
        loss=loss_name(params.label_smoothing),
        metrics=["accuracy"],
        jit_compile=choose_xla(params, on_gpu=on_gpu),
    )
    optimizer.build(network.trainable_variables)
