"""Load the `.keras` file and check its shapes. Pure Keras."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES

RETRAIN = "make it again with `dvc repro --force --single-item train`"


def load_classifier(path: Path, *, image_size: int) -> keras.Model:
    """Load a saved Keras model of images (n, image_size, image_size, 3) to (n, 2) probabilities.

    Raises:
        StageError: if it is missing or corrupt, or has other input or output shapes.
    """
    if not zipfile.is_zipfile(path):  # Keras reports "not found" in both cases
        state = "is cut off or no Keras model" if path.exists() else "is missing"
        raise StageError(f"{path} {state}; {RETRAIN}")
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise StageError(f"{path} cannot be loaded ({reason}); {RETRAIN}") from error
    expected = (image_size, image_size, 3)
    if model.input_shape[1:] != expected:
        raise StageError(
            f"{path} takes images of {_shape(model.input_shape)}, but the shards hold "
            f"{_shape((None, *expected))}; {RETRAIN}"
        )
    if model.output_shape[1:] != (len(CLASS_NAMES),):
        raise StageError(
            f"{path} gives {_shape(model.output_shape)}, expected n×{len(CLASS_NAMES)}: "
            f"p({'), p('.join(CLASS_NAMES)}); {RETRAIN}"
        )
    return model


def _shape(shape: tuple[int | None, ...]) -> str:
    return "×".join("n" if size is None else str(size) for size in shape)
