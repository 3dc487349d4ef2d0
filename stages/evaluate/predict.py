"""Load the model, and let it say p(ALL) for every cell of a split."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from stages.cells import CLASS_NAMES
from stages.errors import StageError
from stages.evaluate.metrics import P_ALL_DECIMALS
from stages.progress import progress
from stages.shards import Cells, read_split

BATCH_SIZE = 64

_RETRAIN = "make it again with `dvc repro --force train`"


def load_classifier(path: Path, *, image_size: int) -> keras.Model:
    """Load a saved Keras model of images (n, image_size, image_size, 3) to (n, 2) probabilities.

    Raises:
        StageError: if it is missing or corrupt, or takes or gives other shapes.
    """
    # On a GPU, kernels are otherwise chosen by timing them, and the last digits change.
    tf.config.experimental.enable_op_determinism()
    if not zipfile.is_zipfile(path):  # Keras would say "not found" of both
        state = "is cut off or no Keras model" if path.exists() else "is missing"
        raise StageError(f"{path} {state}; {_RETRAIN}")
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise StageError(f"{path} cannot be loaded ({reason}); {_RETRAIN}") from error
    expected = (image_size, image_size, 3)
    if model.input_shape[1:] != expected:
        raise StageError(
            f"{path} takes images of {_shape(model.input_shape)}, but the shards hold "
            f"{_shape((None, *expected))}; {_RETRAIN}"
        )
    if model.output_shape[1:] != (len(CLASS_NAMES),):
        raise StageError(
            f"{path} gives {_shape(model.output_shape)}, expected n×{len(CLASS_NAMES)}: "
            f"p({'), p('.join(CLASS_NAMES)}); {_RETRAIN}"
        )
    return model


def predict_split(
    model: keras.Model, shards: Path, split: str, *, listed: pd.DataFrame
) -> pd.DataFrame:
    """Predict every cell of a split, in shard order; nothing is dropped, repeated or shuffled.

    Args:
        model: from `load_classifier`.
        shards: the shard folder.
        split: which split of it.
        listed: the table of cells, from which the subjects come.

    Returns:
        One row a cell: split, image, subject, label (hem or all), p_all (to P_ALL_DECIMALS).

    Raises:
        StageError: if shards and table hold other cells, or the model gives no probabilities.
    """
    cells = read_split(shards, split)
    labels = [CLASS_NAMES[label] for label in cells.labels]
    subjects = _subjects(cells.image_ids, labels, listed[listed["split"] == split], split)
    return pd.DataFrame(
        {
            "split": split,
            "image": cells.image_ids,
            "subject": subjects,
            "label": labels,
            "p_all": _p_all(model, cells, split),
        }
    )


def _subjects(images: list[str], labels: list[str], listed: pd.DataFrame, split: str) -> list[str]:
    """Look each image up in the rows of cells.csv for this split; both must hold the same."""
    known = dict(
        zip(listed["image"], zip(listed["label"], listed["subject"], strict=True), strict=True)
    )
    remedy = "make the shards again with `dvc repro --force preprocess`"
    for image, label in zip(images, labels, strict=True):
        if image not in known:
            raise StageError(
                f"{image} is in the {split} shards but not among the {split} cells of cells.csv; "
                + remedy
            )
        if known[image][0] != label:
            raise StageError(
                f"{image} is of class {label} in the {split} shards and {known[image][0]} in "
                f"cells.csv; {remedy}"
            )
    if len(images) != len(known):
        raise StageError(
            f"the {split} shards hold {len(images)} images, cells.csv lists {len(known)}; {remedy}"
        )
    return [known[image][1] for image in images]


def _p_all(model: keras.Model, cells: Cells, split: str) -> list[float]:
    count = len(cells.images)
    batches = []
    with progress(total=count, description=f"Predicting {split}", unit="cell") as bar:
        for start in range(0, count, BATCH_SIZE):
            batch = cells.images[start : start + BATCH_SIZE]
            batches.append(np.asarray(model.predict_on_batch(batch), np.float64))
            bar.update(len(batch))
    outputs = np.concatenate(batches)
    _require_probabilities(outputs, cells.image_ids)
    # By Python's round, which is exact: reading the file gives these very numbers.
    return [round(float(p), P_ALL_DECIMALS) for p in outputs[:, CLASS_NAMES.index("all")]]


def _require_probabilities(outputs: np.ndarray[Any, np.dtype[np.float64]], ids: list[str]) -> None:
    # 0.01 lets softmax in half precision through, and no logits.
    sound = (outputs >= 0).all(axis=1) & (np.abs(outputs.sum(axis=1) - 1) < 0.01)
    if not sound.all():
        first = int(np.argmin(sound))
        raise StageError(
            f"the model gives {outputs[first].tolist()} for {ids[first]} (and no probabilities "
            f"for {int((~sound).sum()):,} of {len(ids):,} cells); expected p(hem) and p(all) that "
            f"add up to 1. NaN means that training diverged: lower `train.learning_rate`, or "
            f"{_RETRAIN}"
        )


def _shape(shape: tuple[int | None, ...]) -> str:
    return "×".join("n" if size is None else str(size) for size in shape)
