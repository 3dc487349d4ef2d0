"""Callbacks between the steps of `fit`, `evaluate` and `predict`. Pure Keras."""

from __future__ import annotations

from collections.abc import Callable

import keras


class StepCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls a function after each training step, and one after Keras has reset the metrics."""

    def __init__(self, *, at_start: Callable[[], None], after_step: Callable[[], None]) -> None:
        super().__init__()
        self._at_start = at_start
        self._after_step = after_step

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Call `at_start`: Keras has reset the metrics, and no step is done."""
        self._at_start()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Call `after_step`."""
        self._after_step()


class StopEvaluation(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops an evaluation or a prediction after a step, if that is wanted."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._wanted = wanted

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Stop if that is wanted."""
        self.model.stop_evaluating = self._wanted()

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Stop if that is wanted."""
        self.model.stop_predicting = self._wanted()
