"""When the learning rate falls, when training stops, and which epoch's weights are kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from stages.common.errors import StageError
from stages.train.params import PolicyParams


@dataclass(frozen=True)
class PolicyState:
    """The policy's state after an epoch: only numbers and booleans, which JSON keeps exactly.

    "Better" is a higher validation accuracy, or with `monitor: val_loss` a lower validation loss.

    Attributes:
        learning_rate: for the next epoch.
        epoch: the last one, counted from 1.
        best_epoch: the best one; if the monitored figure ties, the other of the two figures
            decides; 0 before the first.
        best_accuracy: its validation accuracy, in 0…1.
        best_loss: its validation loss.
        waited: epochs since the last better epoch or the last reduction.
        reductions: reductions of the learning rate since the last better epoch.
        stop: whether training stops now.
    """

    learning_rate: float
    epoch: int = 0
    best_epoch: int = 0
    best_accuracy: float = -math.inf
    best_loss: float = math.inf
    waited: int = 0
    reductions: int = 0
    stop: bool = False


def after_epoch(
    state: PolicyState, params: PolicyParams, *, accuracy: float, loss: float
) -> PolicyState:
    """Return the state after an epoch with this validation accuracy and loss.

    After `patience` epochs without a better one, the learning rate is multiplied by `factor`. The
    `stop_patience`-th such reduction in a row stops training instead.
    """
    epoch = state.epoch + 1
    rank = _rank(params, accuracy, loss)
    best = _rank(params, state.best_accuracy, state.best_loss)
    if rank[0] > best[0]:
        return PolicyState(state.learning_rate, epoch, epoch, accuracy, loss)
    if rank > best:
        state = dataclasses.replace(state, best_epoch=epoch, best_accuracy=accuracy, best_loss=loss)
    state = dataclasses.replace(state, epoch=epoch, waited=state.waited + 1)
    if state.waited < params.patience:
        return state
    reductions = state.reductions + 1
    stop = reductions >= params.stop_patience
    factor = 1 if stop else params.factor
    return dataclasses.replace(
        state,
        learning_rate=state.learning_rate * factor,
        waited=0,
        reductions=reductions,
        stop=stop,
    )


def _rank(params: PolicyParams, accuracy: float, loss: float) -> tuple[float, float]:
    """Return the sort key of an epoch: the monitored figure, then the tie-breaker."""
    return (accuracy, -loss) if params.monitor == "val_accuracy" else (-loss, accuracy)


class PlateauPolicy(keras.callbacks.Callback):  # type: ignore[misc]
    """Applies the policy to a fit; at the end, gives the model the weights of the best epoch.

    Attributes:
        state: the state after the last epoch.
        best_weights: `get_weights` of the best epoch; empty before the first epoch.
    """

    def __init__(self, params: PolicyParams, *, learning_rate: float) -> None:
        super().__init__()
        self.state = PolicyState(learning_rate)
        self.best_weights: Sequence[Any] = ()
        self._params = params

    def require_monitored(self, names: Iterable[str]) -> None:
        """Check that the logs of an epoch will hold the figures that the policy needs.

        Args:
            names: the names that will be in the logs.

        Raises:
            StageError: if the monitored figure or the tie-breaker is not among them.
        """
        names = sorted(names)
        lacking = {self._params.monitor, "val_accuracy", "val_loss"}.difference(names)
        if lacking:
            raise StageError(
                f"`train.policy.monitor` is {self._params.monitor}, but an epoch reports only "
                f"{', '.join(names)}; expected {' and '.join(sorted(lacking))}, too: compile the "
                'network with metrics=["accuracy"]'
            )

    def restart(self, learning_rate: float) -> None:
        """Reset the learning rate and the counters, as needed when other layers start to train."""
        self.state = dataclasses.replace(
            self.state, learning_rate=learning_rate, waited=0, reductions=0, stop=False
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Set the learning rate."""
        self.model.optimizer.learning_rate = self.state.learning_rate

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Update the state with the figures of the epoch.

        Raises:
            StageError: if the loss or the validation loss is not finite.
        """
        logs = logs or {}
        for name in ("loss", "val_loss"):
            if not math.isfinite(logs[name]):
                raise StageError(
                    f"{name} is {logs[name]} in epoch {epoch + 1}: training has diverged; lower "
                    f"`train.learning_rate`, now {self.state.learning_rate:g}"
                )
        before = self.state
        self.state = after_epoch(
            before, self._params, accuracy=logs["val_accuracy"], loss=logs["val_loss"]
        )
        if self.state.best_epoch == self.state.epoch:
            self.best_weights = self.model.get_weights()
        elif self._params.dwell and self.state.learning_rate < before.learning_rate:
            self.model.set_weights(self.best_weights)
        self.model.stop_training = self.state.stop

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Give the model the weights of the best epoch."""
        self.model.set_weights(self.best_weights)
