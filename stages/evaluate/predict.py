"""Load the model, and let it say p(ALL) for every cell of a split."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.special import expit

from stages.cells import CLASS_NAMES
from stages.errors import StageError
from stages.evaluate.metrics import P_ALL_DECIMALS
from stages.progress import progress
from stages.shards import Cells, read_split

BATCH_SIZE = 64

LOGIT_DECIMALS = 6
"""Of the logit in predictions.csv."""

Images = np.ndarray[Any, np.dtype[np.uint8]]
Symmetry = Callable[[Images], Images]
TestTimeAugmentation = Literal["none", "d4"]

_SMALLEST = np.finfo(np.float32).tiny  # a float32 softmax gives 0 for what is less likely
_ALL_AGAINST_HEM = np.array([{"hem": -1.0, "all": 1.0}[name] for name in CLASS_NAMES])


def _symmetry(quarter_turns: int, *, mirrored: bool) -> Symmetry:
    def turned(images: Images) -> Images:
        images = np.rot90(images, quarter_turns, axes=(1, 2))
        return np.ascontiguousarray(images[:, :, ::-1] if mirrored else images)

    return turned


SYMMETRIES = [
    _symmetry(turns, mirrored=mirrored) for mirrored in (False, True) for turns in range(4)
]
"""Of the square, the dihedral group D4; the first leaves images (cells, size, size, 3) alone."""

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
    model: keras.Model, shards: Path, split: str, *, listed: pd.DataFrame, tta: TestTimeAugmentation
) -> pd.DataFrame:
    """Predict every cell of a split, in shard order; nothing is dropped, repeated or shuffled.

    Args:
        model: from `load_classifier`.
        shards: the shard folder.
        split: which split of it.
        listed: the table of cells, from which subjects and folds come.
        tta: d4 asks the model for the 8 symmetries of each image, too.

    Returns:
        One row a cell: split, image, subject, fold, label (hem or all), p_all (to
        P_ALL_DECIMALS), logit (log p(ALL) − log p(HEM), to LOGIT_DECIMALS); with d4 also logit_tta,
        the mean of the 8 logits, and p_all_tta, its logistic function.

    Raises:
        StageError: if shards and table hold other cells, or the model gives no probabilities.
    """
    cells = read_split(shards, split)
    labels = [CLASS_NAMES[label] for label in cells.labels]
    rows = listed[listed["split"] == split].set_index("image", drop=False)
    _require_the_same_cells(cells.image_ids, labels, rows, split)
    rows = rows.loc[cells.image_ids]
    table = {
        "split": split,
        "image": cells.image_ids,
        "subject": rows["subject"].tolist(),
        "fold": rows["fold"].tolist(),
        "label": labels,
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


def _require_the_same_cells(
    images: list[str], labels: list[str], rows: pd.DataFrame, split: str
) -> None:
    """Check shards against the rows of cells.csv for this split, which have the image as index."""
    known = rows["label"].to_dict()
    remedy = "make the shards again with `dvc repro --force preprocess`"
    for image, label in zip(images, labels, strict=True):
        if image not in known:
            raise StageError(
                f"{image} is in the {split} shards but not among the {split} cells of cells.csv; "
                + remedy
            )
        if known[image] != label:
            raise StageError(
                f"{image} is of class {label} in the {split} shards and {known[image]} in "
                f"cells.csv; {remedy}"
            )
    if len(images) != len(rows):
        raise StageError(
            f"the {split} shards hold {len(images)} images, cells.csv lists {len(rows)}; {remedy}"
        )


def _outputs(
    model: keras.Model, cells: Cells, split: str, symmetries: Sequence[Symmetry]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return p(HEM) and p(ALL), (symmetries, cells, 2), float64."""
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
    # Always as many images: each other number would have the network traced anew, for seconds.
    filled = np.zeros((BATCH_SIZE, *batch.shape[1:]), np.uint8)
    filled[: len(batch)] = batch
    outputs: np.ndarray[Any, np.dtype[np.float32]] = model.predict_on_batch(filled)
    return outputs[: len(batch)]


def _rounded(values: np.ndarray[Any, np.dtype[np.float64]], decimals: int) -> list[float]:
    # By Python's round, which is exact: reading the file gives these very numbers.
    return [round(float(value), decimals) for value in values]


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
