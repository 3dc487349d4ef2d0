"""All that a fit depends on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.common.files import file_sha256
from stages.network.initial_weights import TRAINED_MODEL, WeightsKind
from stages.network.params import ModelParams
from stages.train.device import Device, versions
from stages.train.params import TrainParams
from stages.train.state.fingerprint import code_files, data_files, fingerprint, inputs


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
    def weights(self) -> Literal["imagenet"] | Path | None:
        """The initial weights that `keras_home` holds: the path is that of a trained model."""
        if (trained := self.keras_home / TRAINED_MODEL).is_file():
            return trained
        return "imagenet" if self._imagenet_file.is_file() else None

    def weights_report(self) -> dict[str, str]:
        """Return the kind of the initial weights and, if there are any, the SHA-256 of the file."""
        weights = self.weights
        kind: WeightsKind = "trained model" if isinstance(weights, Path) else weights or "none"
        if weights is None:
            return {"weights": kind}
        return {"weights": kind, "weights_sha256": file_sha256(self._weights_file)}

    def settings_sha256(self) -> str:
        """Return a SHA-256 of all parameters but the seed: equal for the members of an ensemble."""
        settings = {
            "train": dataclasses.asdict(self.params) | {"seed": None},
            "model": dataclasses.asdict(self.model),
        }
        return fingerprint(settings)

    def inputs(self) -> dict[str, Any]:
        """Return all that the fit depends on, with hashes for files: it identifies the fit."""
        settings = {
            "train": dataclasses.asdict(self.params),
            "model": dataclasses.asdict(self.model),
            "device": self.device.name,
            "versions": versions(self.device),
        }
        data = data_files(self.shards, self.cells_csv, self._weights_file)
        return inputs(settings, code=code_files(), data=data)

    @property
    def _weights_file(self) -> Path:
        return self.weights if isinstance(self.weights, Path) else self._imagenet_file

    @property
    def _imagenet_file(self) -> Path:
        return self.keras_home / "models" / f"{self.model.base.lower()}_notop.h5"
