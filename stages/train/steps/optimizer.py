"""The optimizer, and the rise of its learning rate. Pure Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras

from stages.network.precision import Precision
from stages.train.params import TrainParams
from stages.train.steps.averaging import Averaging


def build_optimizer(
    params: TrainParams,
    *,
    precision: Precision,
    adamax: type[Any] = keras.optimizers.Adamax,
) -> Any:
    """Return the Keras optimizer, not yet built; for Adamax one of the class `adamax`.

    Build it with all weights of the network before any of them is frozen, and its `variables` stay
    the same through the whole training: they hold all that it knows, accumulated gradients and
    averages of the weights included. `apply` then takes any part of those weights.

    With `accumulate_batches` above 1 Keras adds up gradients, and updates by their mean at every
    accumulate_batches-th batch, counted from the first of the training: what an epoch leaves over
    stays in the variables for the next. `iterations` counts updates, not batches.
    """
    kind = adamax if params.optimizer == "Adamax" else getattr(keras.optimizers, params.optimizer)
    options: dict[str, Any] = {}
    if params.accumulate_batches > 1:
        options["gradient_accumulation_steps"] = params.accumulate_batches
    if params.ema_decay is not None:
        kind = type(f"Averaging{kind.__name__}", (Averaging, kind), {})
        options["ema_decay"] = params.ema_decay
    optimizer = kind(params.learning_rate, **options)
    if precision == "mixed_float16":  # whose small gradients are lost otherwise
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def restart(optimizer: Any) -> None:
    """Take a built optimizer back to its beginning, but for learning rate, loss scale and averages.

    Else weights that begin to train late would meet zeroed moments with the count of steps far on,
    and Adam's correction for that, gone by then, would leave their first steps several times too
    large.
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
    """Return the rate at a step, counted from 0: the given one from step warmup_steps − 1 on."""
    return learning_rate * min(1.0, (step + 1) / warmup_steps) if warmup_steps else learning_rate


class WarmUp(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate before each of the first batches.

    It belongs after the callback that sets the rate of the epoch. A rate is a pure function of the
    step and of what `learning_rate` returns; steps are batches, not updates of the optimizer.
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
