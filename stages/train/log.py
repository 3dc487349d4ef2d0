"""The progress bar, the printed line and the figures of each epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
from tqdm import tqdm

from stages.common.progress import progress
from stages.train.learning_rate_policy import PolicyState

ESTIMATED_FROM = 5
"""Steps that are timed for the estimate. The first step is slow and does not count."""


class EpochLog:
    """Shows the steps of an epoch, prints a line at its end, and keeps its figures.

    Attributes:
        rows: a row for each epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy,
            learning_rate; the figures are rounded to 6 decimals.
        times: a row for each epoch with what differs between runs: epoch, steps (timed ones; fewer
            if the epoch was resumed), seconds and images_per_second (both include validation).
    """

    def __init__(self, *, epochs: int, steps: int, batch_size: int, estimate: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self.times: list[dict[str, float]] = []
        self._epochs = epochs
        self._steps = steps
        self._batch_size = batch_size
        self._estimated = estimate
        self._until = 0
        self._done = 0
        self._bar: tqdm[Any] = tqdm(disable=True)  # until an epoch begins

    def history(self) -> pd.DataFrame:
        """Return the rows as a table."""
        return pd.DataFrame(self.rows)

    def begin(self, epoch: int, *, step: int, until: int) -> None:
        """Start the clock and the bar of an epoch.

        Args:
            epoch: counted from 0.
            step: number of its steps that are done.
            until: the epoch at which the time of a step changes; the estimate ends before it.
        """
        self._started = time.monotonic()
        if until != self._until:
            self._until, self._estimate = until, self._estimated
        self._epoch, self._first_step, self._done = epoch, step, 0
        description = f"Epoch {epoch + 1}/{self._epochs}"
        self._bar = progress(total=self._steps, description=description, unit="step", initial=step)
        self._bar.leave = False

    def after_step(self) -> None:
        """Advance the bar; after the first steps, print the time estimate if it is wanted."""
        self._bar.update()
        self._done += 1
        if self._estimate and self._done == 1:
            self._second_step = time.monotonic()
        if self._estimate and self._done == 1 + ESTIMATED_FROM:
            self._estimate = False
            step = (time.monotonic() - self._second_step) / ESTIMATED_FROM
            left = (self._until - self._epoch) * self._steps - self._first_step - self._done
            self.tell(
                f"{step:.2f} s a step: {_duration(step * self._steps)} an epoch, at most "
                f"{_duration(step * left)} {self._end('in all')}, and validation in addition"
            )

    def tell(self, line: str) -> None:
        """Print a line while the bar is shown."""
        self._bar.clear()
        print(line, flush=True)

    def end(self, logs: Mapping[str, float], *, before: PolicyState, after: PolicyState) -> None:
        """Print the line of the epoch and keep its figures.

        Args:
            logs: loss, accuracy, val_loss and val_accuracy.
            before: the policy's state during the epoch.
            after: the policy's state after the epoch.
        """
        self._bar.close()
        seconds = time.monotonic() - self._started
        figures = {
            name: round(float(logs[name]), 6)
            for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        }
        epoch = self._epoch + 1
        self.rows.append({"epoch": epoch, **figures, "learning_rate": before.learning_rate})
        rate = self._done * self._batch_size / seconds
        timed = {"steps": self._done, "seconds": seconds, "images_per_second": rate}
        self.times.append({"epoch": epoch, **timed})
        print(
            f"epoch {epoch}/{self._epochs}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            + f"; learning rate {before.learning_rate:g}, next {after.learning_rate:g}; "
            f"best epoch {after.best_epoch}; {seconds:.1f} s, {rate:.1f} training images/s with "
            f"validation, {self._left()}",
            flush=True,
        )

    def close(self) -> None:
        """Close the bar of an unfinished epoch, if there is one."""
        self._bar.close()

    def _left(self) -> str:
        steps, seconds = self.times[-1]["steps"], self.times[-1]["seconds"]
        if not steps:  # the epoch was resumed at its validation
            return "time left unknown"
        epochs = self._until - self._epoch - 1
        left = _duration(seconds / steps * self._steps * epochs)
        return f"at most {left} {self._end('left')}"

    def _end(self, last: str) -> str:
        return last if self._until == self._epochs else "until the base trains"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
