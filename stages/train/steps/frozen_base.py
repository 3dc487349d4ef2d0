"""The network while its base is frozen. Pure Keras, but it trains only with TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from stages.network.model import HEAD, base_layers
from stages.train.params import TrainParams


def features_are_constant(params: TrainParams) -> bool:
    """Return whether a cell has the same features in all epochs with a frozen base.

    That is true if no augmentation is on: then nothing random happens before the base.
    """
    varied = any(dataclasses.asdict(params.augmentation).values())
    return params.fine_tuning.freeze_epochs > 0 and not varied


def frozen_base(network: keras.Model) -> keras.Model:
    """Return the network from pixels to pooled features, with the XLA setting of the network."""
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
        for layer in self._head:  # Keras passes `training` to each
            features = layer(features)
        return features


class HeadOnFrozenBase(keras.Model):  # type: ignore[misc]
    """A network whose base always runs in inference mode, without stochastic depth."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self._base = frozen_base(network)
        self._head = Head(network)

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Return the probabilities."""
        return self._head(self._base(images, training=False), training=training)
