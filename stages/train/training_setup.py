"""All that a fit depends on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.network.params import ModelParams
from stages.train.device import Device, versions
from stages.train.params import TrainParams
from stages.train.state.fingerprint import code_files, data_files, inputs


@dataclass(frozen=True)
class TrainingSetup:
    """All that a fit depends on.

    Attributes:
        params: how the network is fitted.
        model: the network.
        shards: the folder with the images of all cells.
        cells_csv: the table of cells, with the part of each.
        keras_home: the folder with the initial weights, if there are any.
        device: the device that training runs on.
    """

    params: TrainParams
    model: ModelParams
    shards: Path
    cells_csv: Path
    keras_home: Path
    device: Device

    @property
    def weights(self) -> Literal["imagenet"] | None:
        """The initial weights: ImageNet's if `keras_home` holds those of the base, else None."""
        return "imagenet" if self._weights_file.is_file() else None

    def inputs(self) -> dict[str, Any]:
        """Return all that the fit depends on, with hashes for files: it identifies the fit."""
        settings = {
            "train": dataclasses.asdict(self.params),
            "model": dataclasses.asdict(self.model),
            "device": self.device.name,
            "versions": versions(self.device),
        }
        data = data_files(self.shards, self.cells_csv, self._weights_file)
        return inputs(settings, code_files() | data)

    @property
    def _weights_file(self) -> Path:
        return self.keras_home / "models" / f"{self.model.base.lower()}_notop.h5"
