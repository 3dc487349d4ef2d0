"""The inputs of the network: images, or the features that its frozen base computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.shard_reader import Cells
from stages.train.input.batches import training_batches, validation_batches
from stages.train.params import TrainParams


class InputPipeline:
    """The cells in batches.

    Attributes:
        steps: training steps per epoch.
        validation: all validation cells, once.
    """

    def __init__(
        self, training: Cells, validation: Cells, params: TrainParams, *, seed: int, devices: int
    ) -> None:
        """Take the cells.

        Args:
            training: the training cells, at least one batch.
            validation: the validation cells, at least one for each device.
            params: as in `training_batches`.
            seed: for order and augmentation.
            devices: number of devices that share a batch.

        Raises:
            StageError: if the devices cannot share the validation cells.
        """
        self._training, self._validation = training, validation
        self._params, self._seed, self._devices = params, seed, devices
        self.steps = len(training.labels) // params.batch_size
        self.validation = self._in_order(validation, of="validation")

    def training(self, first_step: int) -> tf.data.Dataset:
        """Return the batches from a global step on (epoch × steps + step of the epoch)."""
        return training_batches(
            self._training, self._params, seed=self._seed, first_step=first_step
        )

    def with_features(
        self, base: keras.Model, *, callbacks: Sequence[keras.callbacks.Callback]
    ) -> InputPipeline:
        """Return the same inputs with a row of features instead of each image.

        The batches are always the same, so the features depend only on images and weights. A
        resumed training computes them again and gets the same bits.

        Args:
            base: (cells, size, size, 3) to (cells, features).
            callbacks: callbacks of `predict`; if one stops it, the result is useless.

        Raises:
            StageError: if the devices cannot share the training cells.
        """

        def extract_features(cells: Cells, of: str) -> Cells:
            batches = self._in_order(cells, of=of)
            steps, description = int(batches.cardinality()), f"Features of {of} cells"
            with progress(total=steps, description=description, unit="batch") as bar:
                shown = keras.callbacks.LambdaCallback(
                    on_predict_batch_end=lambda batch, logs: bar.update()  # noqa: ARG005
                )
                found = base.predict(batches, callbacks=[*callbacks, shown], verbose=0)
            return dataclasses.replace(cells, images=np.asarray(found, np.float32))

        return InputPipeline(
            extract_features(self._training, "training"),
            extract_features(self._validation, "validation"),
            self._params,
            seed=self._seed,
            devices=self._devices,
        )

    def _in_order(self, cells: Cells, *, of: str) -> tf.data.Dataset:
        """Return every cell once, in order.

        The batch size is the nearest to `train.batch_size` that all devices can share. Keras needs
        equal shares of the first batch, and at least one cell of the last batch for each device.
        """
        count, devices = len(cells.labels), self._devices
        sizes = [
            size for size in range(devices, count + 1, devices) if not 0 < count % size < devices
        ]
        if not sizes:
            raise StageError(
                f"{count} {of} cells cannot be shared by {devices} devices; "
                f"change `split.validation_share`, or set `train.devices` to one"
            )
        size = min(sizes, key=lambda size: abs(size - self._params.batch_size))
        return validation_batches(cells, self._params, batch_size=size)
