"""What is seen and kept of each epoch."""

from __future__ import annotations

import time

import keras
import pandas as pd

from stages.progress import progress
from stages.train.policy import PlateauPolicy


class EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the steps of an epoch, prints a line at its end, and keeps its figures.

    Belongs after the policy in the list of callbacks: it says what that has decided.
    """

    def __init__(self, policy: PlateauPolicy, *, epochs: int, steps: int, batch_size: int) -> None:
        super().__init__()
        self._policy = policy
        self._epochs = epochs
        self._steps = steps
        self._batch_size = batch_size
        self._rows: list[dict[str, float]] = []

    def history(self) -> pd.DataFrame:
        """Return a row for each epoch, its figures rounded to 6 decimals.

        Columns: epoch (from 1), loss, accuracy, val_loss, val_accuracy, learning_rate.
        """
        return pd.DataFrame(self._rows)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Start the clock and the bar."""
        self._started = time.monotonic()
        self._learning_rate = self._policy.state.learning_rate
        description = f"Epoch {epoch + 1}/{self._epochs}"
        self._bar = progress(total=self._steps, description=description, unit="step")
        self._bar.leave = False

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Move the bar."""
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the line and keep the figures."""
        self._bar.close()
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        row = {name: round(float((logs or {})[name]), 6) for name in names}
        self._rows.append({"epoch": epoch + 1, **row, "learning_rate": self._learning_rate})
        seconds = time.monotonic() - self._started
        state = self._policy.state
        print(
            f"epoch {epoch + 1}/{self._epochs}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in row.items())
            + f"; learning rate {self._learning_rate:g}, next {state.learning_rate:g}; "
            f"best epoch {state.best_epoch}; {seconds:.1f} s, "
            f"{self._steps * self._batch_size / seconds:.1f} training images/s with validation, "
            f"at most {_minutes(seconds * (self._epochs - epoch - 1))} left",
            flush=True,
        )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
