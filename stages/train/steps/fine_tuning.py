"""Which layers train in which epoch. Pure Keras, but a JAX optimizer must train all its weights."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any, Literal

import keras

from stages.common.errors import StageError
from stages.network.model import base_layers
from stages.train.params import FineTuningParams
from stages.train.steps.optimizer import restart


def check_fine_tuning(
    params: FineTuningParams,
    network: keras.Model,
    *,
    weights: Literal["imagenet"] | Path | None,
) -> None:
    """Check the parameters against the network.

    Raises:
        StageError: if the base has no such block, or layers with random weights would be frozen.
    """
    blocks = _blocks(network)
    if params.unfreeze_from not in (None, *blocks):
        raise StageError(
            f"train.fine_tuning.unfreeze_from is {params.unfreeze_from}, expected null or a block "
            f"of the base: {', '.join(blocks)}"
        )
    freezing = [name for name, value in dataclasses.asdict(params).items() if value]
    if freezing and weights is None:
        raise StageError(
            f"train.fine_tuning.{freezing[0]} is {getattr(params, freezing[0])}, but the base "
            "starts from scratch, and what is frozen would stay random; set `download.weights` to "
            f"imagenet or to a trained model, or turn `train.fine_tuning.{freezing[0]}` off"
        )


def begin_epoch(
    network: keras.Model, params: FineTuningParams, *, epoch: int, first_step: int = 0
) -> None:
    """Set the layers that train in this epoch; rebuild the compiled step if they change.

    In the first `freeze_epochs` epochs only the head trains. Then the base trains, too, from the
    block `unfreeze_from` on, without its batch norm if that is frozen. Frozen batch norm normalises
    by its moving averages and does not change them. The optimizer restarts at the first step of the
    epoch `freeze_epochs`.

    Args:
        network: compiled, its optimizer built with all of its weights.
        params: the layers to freeze, and for how long.
        epoch: counted from 0.
        first_step: of this epoch; above 0 if training resumes inside it.
    """
    if _set_trainable(network, params, epoch=epoch):
        network.make_train_function(force=True)  # the trainable weights are built into it
    if epoch == params.freeze_epochs > 0 == first_step:
        restart(network.optimizer)


def _set_trainable(network: keras.Model, params: FineTuningParams, *, epoch: int) -> bool:
    """Set which base layers train; return whether a layer with weights changed."""
    reached = params.unfreeze_from is None
    changed = False
    for layer in base_layers(network):
        reached = reached or _block(layer) == params.unfreeze_from
        frozen = params.freeze_batch_norm and isinstance(layer, keras.layers.BatchNormalization)
        trainable = reached and not frozen and epoch >= params.freeze_epochs
        if layer.trainable != trainable:
            layer.trainable = trainable
            changed = changed or bool(layer.weights)
    return changed


def _blocks(network: keras.Model) -> list[str]:
    names = [_block(layer) for layer in base_layers(network)]
    return [name for name, _ in itertools.groupby(names) if name.startswith(("block", "top"))]


def _block(layer: Any) -> str:
    name: str = layer.name
    return name.split("_")[0]
