"""What the training and validation cells say of how far an image may be unlike them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from stages.common.progress import progress
from stages.dataset.appearance_table import add_appearance, read_appearance, set_and_image
from stages.dataset.shard_reader import Cells, read_part
from stages.export.familiarity import Familiarity, fit_familiarity
from stages.network.model import base_layers
from stages.network.predict import BATCH_SIZE, load_as_trained


def known_cells(
    model_keras: Path,
    shards: Path,
    cells: pd.DataFrame,
    appearance_csv: Path,
    *,
    trained: Mapping[str, Any],
) -> Familiarity:
    """Return where the notes begin, by the features that the model has of its own cells.

    Args:
        model_keras: the model.
        shards: of the training and validation cells.
        cells: the table of cells.
        appearance_csv: what preprocess has measured of them.
        trained: the report of the training: `device` and `threads`. The same machines that train
            the same bits compute the same features.
    """
    network = load_as_trained(model_keras, shards, trained=trained)
    base = keras.Model(network.input, base_layers(network)[-1].output)
    training, validation = (read_part(shards, cells, part) for part in ("train", "val"))
    rows = cells[cells["split"] == "train"]
    looks = add_appearance(rows, read_appearance(appearance_csv), appearance_csv)
    uniform = read_appearance(appearance_csv).set_index(["set", "image"])["uniform_background"]
    looks["uniform_background"] = uniform.loc[set_and_image(rows)].to_numpy()
    return fit_familiarity(
        _features(base, training, "training"),
        _features(base, validation, "validation"),
        training.labels,
        looks,
        training_images=(training.images[row] for row in range(len(training.labels))),
    )


def _features(base: keras.Model, cells: Cells, of: str) -> np.ndarray[Any, Any]:
    found = []
    count = len(cells.labels)
    with progress(total=count, description=f"Features of {of} cells", unit="cell") as bar:
        for start in range(0, count, BATCH_SIZE):
            images = cells.images[start : start + BATCH_SIZE]
            # All batches alike: TensorFlow retraces the network for every other size, for seconds.
            filled = np.zeros((BATCH_SIZE, *images.shape[1:]), np.uint8)
            filled[: len(images)] = images
            found.append(np.asarray(base.predict_on_batch(filled), np.float32)[: len(images)])
            bar.update(len(images))
    return np.concatenate(found)
