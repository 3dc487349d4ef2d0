"""A model whose answers are known, and everything that the evaluate stage reads, tiny."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from stages.dataset.appearance_table import APPEARANCE_COLUMNS
from stages.dataset.cell_table import COLUMNS, write_cells
from tests import shard_folder

if TYPE_CHECKING:
    import keras

SIZE = 32
SLOPE = 10.0

Inputs = dict[str, Path]
World = Callable[..., Inputs]


def p_all(brightness: float) -> float:
    """What `brightness_model` answers for an image of one brightness (0…255)."""
    return float(1 / (1 + np.exp(-SLOPE * (brightness / 255 - 0.5))))


def brightness_model(*, size: int = SIZE, classes: int = 2, slope: float = SLOPE) -> keras.Model:
    """Bright is ALL: softmax of 0 and slope × (mean brightness / 255 − 0.5)."""
    import keras

    images = keras.Input((size, size, 3))
    copy = keras.layers.Conv2D(3, 1, use_bias=False)  # something for Grad-CAM to look at
    mean = keras.layers.GlobalAveragePooling2D()(copy(keras.layers.Rescaling(1 / 255)(images)))
    dense = keras.layers.Dense(classes, activation="softmax")
    model = keras.Model(images, dense(mean))
    kernel, bias = np.zeros((3, classes)), np.zeros(classes)
    copy.set_weights([np.eye(3).reshape(1, 1, 3, 3)])
    kernel[:, 1], bias[1] = slope / 3, -slope / 2
    dense.set_weights([kernel, bias])
    return model


def save(model: keras.Model, path: Path) -> Path:
    model.save(path)
    return path


@pytest.fixture(scope="session")
def model_keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(brightness_model(), tmp_path_factory.mktemp("models") / "model.keras")


def cell_rows(split: str, labels: Sequence[str], *, first: int = 1) -> list[dict[str, Any]]:
    """Rows of cells.csv, one a label; two cells a subject."""
    rows = []
    for number, label in enumerate(labels, start=first):
        subject = f"{'H' if label == 'hem' else ''}{number // 2 + 1}"
        image = f"UID_{subject}_{number}_1_{label}.bmp"
        rows.append(
            {
                "image": image,
                "member": f"training_data/fold_0/{label}/{image}",
                "label": label,
                "subject": subject,
                "field": number,
                "cell": 1,
                "fold": "fold_0",
                "group": subject,
                "split": split,
            }
        )
    return rows


def write_shards(shards: Path, cells: Sequence[tuple[dict[str, Any], int]]) -> None:
    """Write (row of cells.csv, brightness) as plain images of that brightness."""
    records = [
        (np.full((SIZE, SIZE, 3), brightness, np.uint8), row["label"], row["image"])
        for row, brightness in cells
    ]
    shard_folder.write_shards(shards, records, image_size=SIZE, per_shard=3)


@pytest.fixture
def world(tmp_path: Path, model_keras: Path) -> World:
    return world_in(tmp_path, model_keras)


def world_in(folder: Path, model_keras: Path) -> World:
    """A function that writes what the stage reads; it returns all paths, also of the outputs."""

    def write(
        *,
        test: Sequence[tuple[str, int]] = (("all", 250), ("hem", 10), ("all", 60), ("hem", 90)),
        val: Sequence[tuple[str, int]] = (("all", 200), ("hem", 50), ("all", 120), ("hem", 140)),
        external: Sequence[tuple[str, int]] = (),
        synthetic: bool = True,
        verified: bool = False,
        leakage: Mapping[str, Any] | None = None,
        subjects: bool = True,
        carried: Mapping[str, Callable[[int], str]] | None = None,
        sets: Mapping[str, Sequence[tuple[str, int]]] | None = None,
    ) -> Inputs:
        """Write it.

        `carried` are further columns of cells.csv, by the number of the row; `sets` are further
        external sets, whose images have the names of those of test.
        """
        parts = {}
        for part, cells, first in (
            ("test", test, 1),
            ("external", external, 101),
            ("val", val, 201),
            ("train", (("all", 230), ("hem", 30)), 301),
        ):
            if cells:
                rows = cell_rows(part, [label for label, _ in cells], first=first)
                parts[part] = list(zip(rows, [brightness for _, brightness in cells], strict=True))
        paths = _paths(folder, model_keras)
        paths["external_shards"].mkdir(parents=True, exist_ok=True)
        outside = parts.pop("external", [])
        for name, cells in (sets or {}).items():
            rows = cell_rows(name, [label for label, _ in cells])
            outside += zip(rows, [brightness for _, brightness in cells], strict=True)
        inside = [cell for cells in parts.values() for cell in cells]
        for cells, name, shards in (
            (inside, "cells_csv", "shards"),
            (outside, "external_csv", "external_shards"),
        ):
            table = pd.DataFrame([row for row, _ in cells], columns=list(COLUMNS))
            if not subjects:
                table = table.assign(**dict.fromkeys(("subject", "field", "cell", "fold"), ""))
                table["group"] = table["image"]
            if name == "cells_csv":
                write_shards(paths[shards], cells)
                further = (carried or {}).items()
                table = table.assign(
                    **{key: [of(row) for row in table.index] for key, of in further}
                )
            write_cells(table, paths[name])
            for part in dict.fromkeys(row["split"] for row, _ in cells if name == "external_csv"):
                own = [cell for cell in cells if cell[0]["split"] == part]
                write_shards(paths[shards] / part, own)
        appearances = [
            (set_name, row["image"], min(1.0, (level + 1) / 256), *[float(level)] * 4, 1)
            for row, level in [*inside, *outside]
            for set_name in [row["split"] if (row, level) in outside else "training"]
        ]
        pd.DataFrame(appearances, columns=APPEARANCE_COLUMNS).to_csv(
            paths["appearance_csv"], index=False
        )
        reports = {
            "download_report": {"synthetic": synthetic, "verified": verified},
            "split_report": {
                "leakage": leakage or {"subjects": 0, "images": {"test": 0}},
                "deviation_points": {"size": 0.0, "class_share": 0.0},
            },
            "train_report": {
                "epochs": 2,
                "best_epoch": 2,
                "val_accuracy": 0.75,
                "device": "CPU",
                "threads": 2,
                "cells": {"crop_size": 450, "image_size": SIZE, "class_names": ["hem", "all"]},
            },
        }
        for name, report in reports.items():
            paths[name].write_text(json.dumps(report))
        paths["history_csv"].write_text(
            "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n"
            "1,0.7,0.5,0.69,0.5,0.001\n2,0.5,0.8,0.6,0.75,0.001\n"
        )
        return paths

    return write


def _paths(folder: Path, model_keras: Path) -> Inputs:
    files = {
        "cells_csv": "data/splits/cells.csv",
        "external_csv": "data/splits/external.csv",
        "appearance_csv": "data/appearance.csv",
        "shards": "data/shards/training",
        "external_shards": "data/shards/external",
        "download_report": "metrics/download.json",
        "split_report": "metrics/split.json",
        "train_report": "metrics/train.json",
        "history_csv": "metrics/history.csv",
        "test_report": "metrics/test.json",
        "predictions_csv": "metrics/predictions.csv",
        "roc_csv": "metrics/roc.csv",
        "precision_recall_csv": "metrics/precision_recall.csv",
        "reliability_csv": "metrics/reliability.csv",
        "confusion_csv": "metrics/confusion.csv",
        "gallery": "metrics/gallery",
        "model_metadata": "models/metadata.json",
        "report_html": "metrics/report.html",
    }
    (folder / "metrics").mkdir(exist_ok=True)
    return {"model_keras": model_keras} | {name: folder / path for name, path in files.items()}
