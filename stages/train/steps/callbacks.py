"""What happens between two steps of a `fit` or `evaluate`. Pure Keras."""

from __future__ import annotations

from collections.abc import Callable

import keras


class EachStep(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells of each training step, and of the moment when Keras has reset the metrics."""

    def __init__(self, *, at_start: Callable[[], None], after_step: Callable[[], None]) -> None:
        super().__init__()
        self._at_start = at_start
        self._after_step = after_step

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Tell that metrics have been reset, and no step has been done."""
        self._at_start()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Tell that a step has been done."""
        self._after_step()


class StopEvaluation(keras.callbacks.Callback):  # type: ignore[misc]
    """Breaks an evaluation or a prediction off, after a step of it."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._wanted = wanted

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Ask whether to break off."""
        self.model.stop_evaluating = self._wanted()

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Ask whether to break off."""
        self.model.stop_predicting = self._wanted()
