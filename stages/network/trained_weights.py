"""Give a network the weights of a trained model. Pure Keras."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import keras

from stages.common.errors import StageError

SHOWN = 3
"""Weights that are named where they differ."""


def load_trained_model(path: Path) -> keras.Model:
    """Load the model from whose weights a training is to start.

    Raises:
        StageError: if Keras cannot load it.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise StageError(
            f"{path}, the copy of `download.weights`, cannot be loaded ({reason}); set it to a "
            "model of this project"
        ) from error


def scales_as_imagenet(base: keras.Model) -> bool:
    """Return whether the base rescales its pixels twice, as Keras builds it for ImageNet only."""
    return len(_rescalings(base)) == 2


def with_scaling_of(trained: keras.Model, base: keras.Model) -> keras.Model:
    """Return a base from scratch with the second rescaling of the trained model, if it has one."""
    if not scales_as_imagenet(trained):
        return base
    _, second = _rescalings(trained)

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        outputs = layer(*inputs, **options)
        if isinstance(layer, keras.layers.Normalization):
            return keras.layers.Rescaling.from_config(second.get_config())(outputs)
        return outputs

    return keras.models.clone_model(base, call_function=call)


def copy_weights(trained: keras.Model, network: keras.Model, *, path: Path) -> None:
    """Copy all weights of a trained model, batch norm's averages among them.

    Args:
        trained: the model.
        network: has layers of the same names, with weights of the same shapes.
        path: of the trained model, for the message.

    Raises:
        StageError: if it has not.
    """
    source, target = _weights(trained), _weights(network)
    differing = [
        f"{name} is {_shape(source.get(name))} there, {_shape(target.get(name))} here"
        for name in dict.fromkeys([*target, *source])
        if _shape(source.get(name)) != _shape(target.get(name))
    ]
    if differing:
        more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise StageError(
            f"{path}, the copy of `download.weights`, is of another network: "
            f"{'; '.join(differing[:SHOWN])}{more}; set `model.base` and `model.dense.units` as "
            "they were when it was trained, or set `download.weights` to another model, to "
            "imagenet or to none"
        )
    for name, weight in target.items():
        weight.assign(source[name])


def _rescalings(network: keras.Model) -> list[Any]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling)]


def _weights(network: keras.Model) -> dict[str, Any]:
    """Return the weights by layer and name, without the number that Keras gives a second layer."""
    return {
        f"{re.sub(r'_[0-9]+$', '', layer.name)}/{weight.name}": weight
        for layer in network.layers
        for weight in layer.weights
    }


def _shape(weight: Any | None) -> str:
    if weight is None:
        return "absent"
    return "×".join(map(str, weight.shape)) or "one number"
