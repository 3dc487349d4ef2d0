"""The network: pixels in, p(HEM) and p(ALL) out. Pure Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import keras

from stages.dataset.classes import CLASS_NAMES
from stages.network.initial_weights import NETWORK_NAME
from stages.network.params import DenseParams, ModelParams
from stages.network.trained_weights import (
    copy_weights,
    load_trained_model,
    scales_as_imagenet,
    with_scaling_of,
)

HEAD = ("head_batch_norm", "head_dense", "head_dropout", "probabilities")


def build_model(
    params: ModelParams, *, image_size: int, weights: Literal["imagenet"] | Path | None
) -> keras.Model:
    """Build the network.

    It takes (cells, image_size, image_size, 3), RGB in 0…255, uint8 or float, and scales the pixels
    itself. It returns float32 (cells, 2): p(HEM), p(ALL).

    Random initial weights depend on Keras' global seed (`keras.utils.set_random_seed`). Keras reads
    `weights="imagenet"` from `KERAS_HOME`, where the download stage has put them. A path is that of
    a trained model: the network takes its weights, and all else from the parameters.

    Raises:
        StageError: if the trained model cannot be loaded, or is of another network.
    """
    trained = load_trained_model(weights) if isinstance(weights, Path) else None
    base = getattr(keras.applications, params.base)(
        include_top=False,
        weights=None if trained else weights,
        input_shape=(image_size, image_size, 3),
        pooling=params.pooling,
    )
    if trained:
        base = with_scaling_of(trained, base)
    momentum = params.base_batch_norm_momentum
    _set_batch_norm_momentum(base, momentum.imagenet if scales_as_imagenet(base) else momentum.none)
    features = keras.layers.BatchNormalization(
        axis=params.batch_norm.axis,
        momentum=params.batch_norm.momentum,
        epsilon=params.batch_norm.epsilon,
        name="head_batch_norm",
    )(base.output)
    features = _hidden(params.dense)(features)
    features = keras.layers.Dropout(params.dropout, name="head_dropout")(features)
    probabilities = keras.layers.Dense(
        len(CLASS_NAMES), activation="softmax", dtype="float32", name="probabilities"
    )(features)
    network = keras.Model(base.input, probabilities, name=NETWORK_NAME)
    if isinstance(weights, Path):
        copy_weights(trained, network, path=weights)
    return network


def synchronize_batch_norm(network: keras.Model, *, wanted: bool) -> None:
    """Make batch norm use the whole batch of all devices, or only each device's share.

    A new network has False. Set False before you write it, because the file stores the setting.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = wanted


def base_layers(network: keras.Model) -> list[Any]:
    """Return the layers between the pixels and the pooled features, in order."""
    return [layer for layer in network.layers if layer.name not in HEAD]


def _hidden(params: DenseParams) -> Any:
    return keras.layers.Dense(
        params.units,
        activation=params.activation,
        kernel_regularizer=keras.regularizers.L2(params.kernel_l2),
        activity_regularizer=keras.regularizers.L1(params.activity_l1),
        bias_regularizer=keras.regularizers.L1(params.bias_l1),
        name="head_dense",
    )


def _set_batch_norm_momentum(base: keras.Model, momentum: float) -> None:
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
