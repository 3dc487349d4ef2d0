"""A moving average of the weights, kept by the optimizer. Pure Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


class Averaging:
    """Mixin that makes an optimizer average the weights. It must be the first base class.

    After update number n, counted from 0,

        average ← average + (1 − d) × (weight − average),  d = min(ema_decay, (1 + n) / (10 + n)).

    At first it follows the weights closely, as tf.train.ExponentialMovingAverage does. The averages
    start as copies of the weights. They are among the optimizer's `variables`, and change when the
    weights do: at the last of accumulated batches, not at a batch that loss scaling skips. Keras'
    `use_ema` does not help here: it overwrites the weights at the end of each `fit`.

    Attributes:
        averages: a variable for each weight passed to `build`, in that order.
    """

    def __init__(self, *args: Any, ema_decay: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ema_decay = ema_decay

    def build(self, weights: list[Any]) -> None:
        """Create the variables."""
        super().build(weights)  # type: ignore[misc]
        optimizer: Any = self
        self.averages = [
            optimizer.add_variable_from_reference(weight, name="average") for weight in weights
        ]
        self._pairs = _Pairs(weights, self.averages)
        for weight, average in self._pairs:
            average.assign(np.array(weight))  # a copy: on JAX they would share one buffer

    def apply(self, gradients: Any, trainable_variables: Any = None) -> None:
        """Apply the gradients, then update the averages."""
        optimizer: Any = self
        number = keras.ops.cast(optimizer.iterations, "float32")
        super().apply(gradients, trainable_variables)  # type: ignore[misc]
        now = keras.ops.cast(optimizer.iterations, "float32")
        decay = keras.ops.minimum(self.ema_decay, (1 + number) / (10 + number))
        share = keras.ops.where(now > number, 1 - decay, 0.0)
        for weight, average in self._pairs:
            optimizer.assign(average, average + share * (weight - average))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the network the averages inside this block; restore the weights at its end."""
        weights = [np.array(weight) for weight, _ in self._pairs]
        try:
            for weight, average in self._pairs:
                weight.assign(np.array(average))
            yield
        finally:
            for (weight, _), value in zip(self._pairs, weights, strict=True):
                weight.assign(value)


class _Pairs:
    """Weights with their averages, hidden from Keras.

    Keras tracks every variable in an attribute of an optimizer as one of the optimizer's own.
    """

    def __init__(self, weights: list[Any], averages: list[Any]) -> None:
        self._pairs = list(zip(weights, averages, strict=True))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self._pairs)
