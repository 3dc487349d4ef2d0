"""Recompute the statistics of batch norm from training batches. Pure Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np


class Reestimate:
    """Replaces the moving averages of a network's batch norm by the statistics of some batches.

    For batches of equal size with mean m and (biased) variance v, the statistics are

        mean = E[m],  variance = E[v + m²] − E[m]²,

    the moments of all values together: "PreciseBN" (Wu and Johnson, Rethinking "Batch" in
    BatchNorm, arXiv 2105.07576). The network runs in training mode, dropout included: each layer
    gets inputs that earlier layers have normalised by the batch. The states of the random numbers
    are restored. Frozen batch norm keeps its averages.
    """

    def __init__(self, network: keras.Model, *, fitted: keras.Model | None = None) -> None:
        """Take a compiled network.

        Args:
            network: the network whose batch norm is set.
            fitted: the model to run, if it is another model of the same layers.
        """
        self._network = network
        self._training = InTraining(fitted or network)
        self._training.jit_compile = network.jit_compile
        self._traced: list[Any] = []

    def __call__(self, batches: Iterable[Any]) -> None:
        """Set the statistics from batches of images, (cells, size, size, 3) each, of equal size."""
        layers = [layer for layer in _batch_norms(self._network) if layer.trainable]
        if not layers:
            return
        if layers != self._traced:  # the compiled pass depends on which layers train
            self._training.make_predict_function(force=True)
            self._traced = layers
        with _zero_momentum(layers), _same_random_numbers(self._network):
            moments = [self._moments(images, layers) for images in batches]
        for layer, of_batches in zip(layers, zip(*moments, strict=True), strict=True):
            mean, square = np.mean(of_batches, axis=0)
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(np.maximum(square - mean**2, 0))

    def _moments(self, images: Any, layers: list[Any]) -> list[Any]:
        """Return (2, channels) for each layer: means and means of squares in this batch."""
        self._training.predict_on_batch(images)
        means = [np.array(layer.moving_mean, np.float64) for layer in layers]
        variances = [np.array(layer.moving_variance, np.float64) for layer in layers]
        return [
            np.stack([mean, variance + mean**2])
            for mean, variance in zip(means, variances, strict=True)
        ]


class InTraining(keras.Model):  # type: ignore[misc]
    """A network whose compiled `predict` runs in training mode."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.network = network

    def call(self, images: Any) -> Any:
        """Return the output of the network in training mode."""
        return self.network(images, training=True)


def _batch_norms(network: keras.Model) -> list[Any]:
    kind = keras.layers.BatchNormalization
    return [layer for layer in network.layers if isinstance(layer, kind)]


@contextlib.contextmanager
def _zero_momentum(layers: list[Any]) -> Iterator[None]:
    """Make the moving averages hold the statistics of only the last batch."""
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@contextlib.contextmanager
def _same_random_numbers(network: keras.Model) -> Iterator[None]:
    """Restore the states of the random numbers, which are variables but not weights."""
    weights = {id(weight) for weight in network.weights}
    states = [variable for variable in network.variables if id(variable) not in weights]
    values = [np.array(state) for state in states]
    try:
        yield
    finally:
        for state, value in zip(states, values, strict=True):
            state.assign(value)
