"""The model, asked: predictions of every cell, and pictures of some. TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import keras
import pandas as pd

from stages.evaluate.gallery import Gallery, galleries
from stages.evaluate.gradcam import heat_maps
from stages.evaluate.predict import TestTimeAugmentation, predict_split
from stages.shards import read_index, read_split

PARTS = ("val", "test", "external")


def predict_all(
    model: keras.Model, shards: Path, *, listed: pd.DataFrame, tta: TestTimeAugmentation
) -> pd.DataFrame:
    """Predict every cell of the parts that the shards have, one after the other, in one table."""
    counts = read_index(shards)["cells"]
    parts = [part for part in PARTS if part == "test" or sum(counts.get(part, []))]
    tables = [predict_split(model, shards, part, listed=listed, tta=tta) for part in parts]
    return pd.concat(tables, ignore_index=True)


def picture_test_cells(
    model: keras.Model, shards: Path, *, predictions: pd.DataFrame, threshold: float
) -> list[Gallery]:
    """Make the galleries of the test cells, with Grad-CAM."""
    cells = read_split(shards, "test")
    explain: Callable[..., object] = functools.partial(heat_maps, model)
    return galleries(
        predictions,
        images=cells.images,
        image_ids=cells.image_ids,
        explain=explain,  # type: ignore[arg-type]
        threshold=threshold,
    )
