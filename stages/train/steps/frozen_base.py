"""The network while its base is frozen. Pure Keras; it trains with TensorFlow alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from stages.network.model import HEAD, base_layers
from stages.train.params import TrainParams


def features_once(params: TrainParams) -> bool:
    """Say whether all epochs with a frozen base see the same features of a cell.

    That is so where nothing random stands before the base: no augmentation is in effect.
    """
    varied = any(dataclasses.asdict(params.augmentation).values())
    return params.fine_tuning.freeze_epochs > 0 and not varied


def frozen_base(network: keras.Model) -> keras.Model:
    """Return the network from its pixels to the pooled features, compiled by XLA if that is."""
    base = keras.Model(network.input, base_layers(network)[-1].output)
    base.jit_compile = network.jit_compile
    return base


class Head(keras.Model):  # type: ignore[misc]
    """The head of a network, from features to probabilities; its layers are the network's."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self._head = [layer for layer in network.layers if layer.name in HEAD]

    def call(self, features: Any, training: bool | None = None) -> Any:  # noqa: ARG002
        """Return the probabilities."""
        for layer in self._head:  # Keras tells each whether it trains
            features = layer(features)
        return features


class HeadOnFrozenBase(keras.Model):  # type: ignore[misc]
    """A network whose base always runs as in inference, its stochastic depth, too."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self._base = frozen_base(network)
        self._head = Head(network)

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Return the probabilities."""
        return self._head(self._base(images, training=False), training=training)
