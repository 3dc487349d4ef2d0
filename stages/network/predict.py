"""Predict p(ALL) of every cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.special import expit

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.predictions_table import LOGIT_DECIMALS, P_ALL_DECIMALS
from stages.dataset.shard_reader import Cells, image_format, read_part
from stages.network.known_answers import tell_of_other_bits
from stages.network.model_reader import RETRAIN, load_classifier
from stages.network.portable import compute_deterministically, make_portable

BATCH_SIZE = 64

Images = np.ndarray[Any, np.dtype[np.uint8]]
Symmetry = Callable[[Images], Images]
TestTimeAugmentation = Literal["none", "d4"]

_SMALLEST = np.finfo(np.float32).tiny  # below it, a float32 softmax gives 0
_ALL_AGAINST_HEM = np.array([{"hem": -1.0, "all": 1.0}[name] for name in CLASS_NAMES])


def _symmetry(quarter_turns: int, *, mirrored: bool) -> Symmetry:
    def turned(images: Images) -> Images:
        images = np.rot90(images, quarter_turns, axes=(1, 2))
        return np.ascontiguousarray(images[:, :, ::-1] if mirrored else images)

    return turned


SYMMETRIES = [
    _symmetry(turns, mirrored=mirrored) for mirrored in (False, True) for turns in range(4)
]
"""The dihedral group D4, for images (cells, size, size, 3). The first is the identity."""


def load_as_trained(model_keras: Path, shards: Path, *, trained: Mapping[str, Any]) -> keras.Model:
    """Load a model onto the kind of device that trained it, or onto the CPU.

    Args:
        model_keras: the model.
        shards: a shard folder whose images it is to predict.
        trained: the report of its training: `device` and `threads`.

    Raises:
        StageError: as `load_classifier` does.
    """
    compute_deterministically(threads=trained["threads"])
    on_cpu = "CPU" in trained["device"] or not tf.config.list_physical_devices("GPU")
    if on_cpu:
        tf.config.set_visible_devices([], "GPU")
        tell_of_other_bits()
    model = load_classifier(model_keras, image_size=image_format(shards)["image_size"])
    if on_cpu:
        make_portable(model)
    return model


def predict_all(
    model: keras.Model,
    shards: Mapping[str, Path],
    *,
    listed: pd.DataFrame,
    tta: TestTimeAugmentation,
) -> pd.DataFrame:
    """Predict every listed cell of some parts; return one table, part after part.

    `shards` names the shard folder of each part, in their order; the rest is as in `predict_split`.
    """
    present = {"test", *listed["split"]}
    tables = [
        predict_split(model, shards[part], part, listed=listed, tta=tta)
        for part in shards
        if part in present
    ]
    return pd.concat(tables, ignore_index=True)


def predict_split(
    model: keras.Model, shards: Path, split: str, *, listed: pd.DataFrame, tta: TestTimeAugmentation
) -> pd.DataFrame:
    """Predict every cell of a split, in the table's order; none is dropped, repeated or shuffled.

    Args:
        model: from `load_classifier`.
        shards: the shard folder with the cells of the split.
        split: name of the split.
        listed: the table of cells, with their subjects and folds.
        tta: d4 also predicts the 8 symmetries of each image.

    Returns:
        One row per cell: split, image, subject, fold, label (hem or all), p_all (to
        P_ALL_DECIMALS), logit (log p(ALL) − log p(HEM), to LOGIT_DECIMALS); with d4 also logit_tta,
        the mean of the 8 logits, and p_all_tta, its logistic function.

    Raises:
        StageError: if the shards lack cells of the table, or the model gives no probabilities.
    """
    cells = read_part(shards, listed, split)
    rows = listed[listed["split"] == split]
    table = {"split": split} | {
        column: rows[column].tolist() for column in ("image", "subject", "fold", "label")
    }
    symmetries = SYMMETRIES if tta == "d4" else SYMMETRIES[:1]
    outputs = _outputs(model, cells, split, symmetries)
    logits = np.log(np.maximum(outputs, _SMALLEST)) @ _ALL_AGAINST_HEM
    table |= {
        "p_all": _rounded(outputs[0, :, CLASS_NAMES.index("all")], P_ALL_DECIMALS),
        "logit": _rounded(logits[0], LOGIT_DECIMALS),
    }
    if tta == "d4":
        mean = logits.mean(axis=0)
        table |= {
            "p_all_tta": _rounded(expit(mean), P_ALL_DECIMALS),
            "logit_tta": _rounded(mean, LOGIT_DECIMALS),
        }
    return pd.DataFrame(table)


def _outputs(
    model: keras.Model, cells: Cells, split: str, symmetries: Sequence[Symmetry]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return p(HEM) and p(ALL): float64, (symmetries, cells, 2)."""
    count = len(cells.images)
    batches = []
    with progress(total=count, description=f"Predicting {split}", unit="cell") as bar:
        for start in range(0, count, BATCH_SIZE):
            batch = cells.images[start : start + BATCH_SIZE]
            views = [_predicted(model, symmetry(batch)) for symmetry in symmetries]
            batches.append(np.asarray(views, np.float64))
            bar.update(len(batch))
    outputs = np.concatenate(batches, axis=1)
    for view in outputs:
        _require_probabilities(view, cells.image_ids)
    return outputs


def _predicted(model: keras.Model, batch: Images) -> np.ndarray[Any, np.dtype[np.float32]]:
    # Pad to BATCH_SIZE: TensorFlow retraces the network for every other size, for seconds.
    filled = np.zeros((BATCH_SIZE, *batch.shape[1:]), np.uint8)
    filled[: len(batch)] = batch
    outputs: np.ndarray[Any, np.dtype[np.float32]] = model.predict_on_batch(filled)
    return outputs[: len(batch)]


def _rounded(values: np.ndarray[Any, np.dtype[np.float64]], decimals: int) -> list[float]:
    # Python's round is exact: the file reads back as the same numbers.
    return [round(float(value), decimals) for value in values]


def _require_probabilities(outputs: np.ndarray[Any, np.dtype[np.float64]], ids: list[str]) -> None:
    # The tolerance of 0.01 accepts softmax in half precision, and rejects logits.
    sound = (outputs >= 0).all(axis=1) & (np.abs(outputs.sum(axis=1) - 1) < 0.01)
    if not sound.all():
        first = int(np.argmin(sound))
        raise StageError(
            f"the model gives {outputs[first].tolist()} for {ids[first]} (and no probabilities "
            f"for {int((~sound).sum()):,} of {len(ids):,} cells); expected p(hem) and p(all) that "
            f"add up to 1. NaN means that training diverged: lower `train.learning_rate`, or "
            f"{RETRAIN}"
        )
