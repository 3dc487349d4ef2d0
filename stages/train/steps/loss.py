"""The targets of the loss, and the weight of each cell in it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES

Labels = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float32]]


def loss_name(label_smoothing: float) -> str:
    """Return Keras' name of the loss, for the targets of training and of validation."""
    return "categorical_crossentropy" if label_smoothing else "sparse_categorical_crossentropy"


def targets(labels: Labels, *, label_smoothing: float, training: bool) -> Labels | Floats:
    """Return the targets of the loss.

    Only the training targets are smoothed. Keras' `CategoricalCrossentropy(label_smoothing)` would
    smooth the validation targets, too, and its sparse loss has no smoothing. Smoothing does not
    change the accuracy.

    Args:
        labels: int64 (cells,); 0 HEM, 1 ALL.
        label_smoothing: the share of a target that is spread evenly over the classes, in [0, 1)
            (Szegedy et al. 2016, arXiv:1512.00567).
        training: whether to smooth; validation targets have the same form, not smoothed.

    Returns:
        The labels if `label_smoothing` is 0; else float32 (cells, classes), each row of sum 1.
    """
    if not label_smoothing:
        return labels
    classes = len(CLASS_NAMES)
    spread = label_smoothing if training else 0
    smoothed: Floats = ((1 - spread) * np.eye(classes)[labels] + spread / classes).astype(
        np.float32
    )
    return smoothed


def cell_weights(labels: Labels, class_weights: Literal["none", "balanced"]) -> Floats | None:
    """Return the weight of each cell in the training loss, float32 (cells,); None if all are equal.

    balanced: cells / (classes × cells of its class), as in scikit-learn's `compute_class_weight`;
    the mean over the cells is 1.

    Raises:
        StageError: if a class has no cells.
    """
    if class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    if not counts.all():
        raise StageError(
            f"no training cell is of class {CLASS_NAMES[int(np.argmin(counts))]}; expected cells "
            "of each for `train.class_weights: balanced`; set it to none or change `split`"
        )
    weights: Floats = (len(labels) / (len(counts) * counts)).astype(np.float32)[labels]
    return weights
