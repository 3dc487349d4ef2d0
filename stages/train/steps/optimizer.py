"""The optimizer, and the warm-up of its learning rate. Pure Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras

from stages.network.precision import Precision
from stages.train.params import TrainParams
from stages.train.steps.averaging import Averaging


def build_optimizer(params: TrainParams, *, precision: Precision) -> Any:
    """Return the Keras optimizer, not yet built.

    Build it with all weights of the network before any of them is frozen. Its `variables` then stay
    the same during the whole training. They hold its whole state, including accumulated gradients
    and averages of the weights. `apply` accepts any part of those weights.

    With `accumulate_batches` above 1, Keras sums gradients and updates by their mean at every
    accumulate_batches-th batch, counted from the start of training. Gradients that an epoch leaves
    over stay in the variables for the next epoch. `iterations` counts updates, not batches.
    """
    kind = getattr(keras.optimizers, params.optimizer)
    options: dict[str, Any] = {}
    if params.accumulate_batches > 1:
        options["gradient_accumulation_steps"] = params.accumulate_batches
    if params.ema_decay is not None:
        kind = type(f"Averaging{kind.__name__}", (Averaging, kind), {})
        options["ema_decay"] = params.ema_decay
    optimizer = kind(params.learning_rate, **options)
    if precision == "mixed_float16":  # otherwise small gradients underflow
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def restart(optimizer: Any) -> None:
    """Reset a built optimizer, except for learning rate, loss scale and averages.

    Without the reset, weights that start to train late have zero moments but a high step count.
    Adam's bias correction is then close to 1, and their first steps are several times too large.
    """
    inner = _inner(optimizer)
    kept = [inner.learning_rate, *getattr(inner, "averages", [])]
    for variable in inner.variables:
        if not any(variable is other for other in kept):
            variable.assign(keras.ops.zeros_like(variable))


def averaged_weights(optimizer: Any) -> contextlib.AbstractContextManager[None]:
    """Return the context in which the network has the averaged weights, if there are any."""
    inner = _inner(optimizer)
    return inner.averaged() if isinstance(inner, Averaging) else contextlib.nullcontext()


def warmed_up(learning_rate: float, *, step: int, warmup_steps: int) -> float:
    """Return the rate at a step (from 0): `learning_rate` from step warmup_steps − 1 on."""
    return learning_rate * min(1.0, (step + 1) / warmup_steps) if warmup_steps else learning_rate


class WarmUp(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate before each of the first batches.

    Place it after the callback that sets the rate of the epoch. The rate depends only on the step
    and on what `learning_rate` returns. Steps are batches, not updates of the optimizer.
    """

    def __init__(
        self, warmup_steps: int, *, learning_rate: Callable[[], float], first_step: int = 0
    ) -> None:
        super().__init__()
        self._warmup_steps = warmup_steps
        self._learning_rate = learning_rate
        self._step = first_step

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Set the rate of this step."""
        if self._step < self._warmup_steps:
            self.model.optimizer.learning_rate = warmed_up(
                self._learning_rate(), step=self._step, warmup_steps=self._warmup_steps
            )
        self._step += 1


def _inner(optimizer: Any) -> Any:
    return getattr(optimizer, "inner_optimizer", optimizer)
