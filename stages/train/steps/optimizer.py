"""The optimizer, and its learning rate in the first and the last steps.

Pure Keras, but for the fused updates.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from stages.network.precision import Precision
from stages.train.params import TrainParams
from stages.train.steps.averaging import Averaging
from stages.train.steps.fused_update import FusedAdam, FusedAdamax, FusedAdamW

OPTIMIZERS = {
    "Adam": FusedAdam,
    "AdamW": FusedAdamW,
    "Adamax": FusedAdamax,
    "SGD": keras.optimizers.SGD,
}


def build_optimizer(params: TrainParams, *, precision: Precision) -> Any:
    """Return the Keras optimizer, not yet built.

    Build it with all weights of the network before any of them is frozen. Its `variables` then stay
    the same during the whole training. They hold its whole state, including accumulated gradients
    and averages of the weights. `apply` accepts any part of those weights.

    With `accumulate_batches` above 1, Keras sums gradients and updates by their mean at every
    accumulate_batches-th batch, counted from the start of training. Gradients that an epoch leaves
    over stay in the variables for the next epoch. `iterations` counts updates, not batches.
    """
    kind: Any = OPTIMIZERS[params.optimizer]
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


@dataclass(frozen=True)
class StepSchedule:
    """The share of the learning rate at each step: a ramp up, a plateau, and a ramp down.

    Attributes:
        warmup_steps: the share is (step + 1) / warmup_steps at first, 1 from the last of them on.
        cooldown_steps: the share falls from 1 in the step before them to 1 / (cooldown_steps + 1)
            in the last one.
        steps: of the whole training.
    """

    warmup_steps: int
    cooldown_steps: int
    steps: int

    def share(self, step: int) -> float:
        """Return the share, in (0, 1], at a step, counted from 0."""
        up = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        down = (self.steps - step) / (self.cooldown_steps + 1)
        return min(1.0, up, down)


class ScheduledRate(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate before each batch.

    Place it after the callback that sets the rate of the epoch. The rate depends only on the step
    and on what `learning_rate` returns. Steps are batches, not updates of the optimizer.
    """

    def __init__(
        self, schedule: StepSchedule, *, learning_rate: Callable[[], float], first_step: int = 0
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._learning_rate = learning_rate
        self._step = first_step

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Set the rate of this step."""
        share = self._schedule.share(self._step)
        self.model.optimizer.learning_rate = share * self._learning_rate()
        self._step += 1


def _inner(optimizer: Any) -> Any:
    return getattr(optimizer, "inner_optimizer", optimizer)
