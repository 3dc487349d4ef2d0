"""The .keras file: write it (same weights, same bytes), load it and check it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from stages.common.errors import StageError
from stages.common.files import atomic_path
from stages.dataset.classes import CLASS_NAMES

_RETRAIN = "make it again with `dvc repro --force train`"


def write_model(model: keras.Model, destination: Path) -> None:
    """Write the model without its optimizer as a `.keras` file, atomically.

    Keras writes the date into the file's metadata and its zip entries, and memory addresses into
    its configuration (`shared_object_id`). This function replaces all of them. So the bytes depend
    only on the network, its weights and the version of Keras.
    """
    inference = keras.Model(model.inputs, model.outputs, name=model.name)
    with atomic_path(destination) as temporary:
        # Keras requires this ending. A killed run leaves the file; the next run overwrites it.
        saved = destination.with_name(f".{destination.name}.tmp.keras")
        try:
            inference.save(saved)
            _rewrite(saved, temporary)
        finally:
            saved.unlink(missing_ok=True)


def load_classifier(path: Path, *, image_size: int) -> keras.Model:
    """Load a saved Keras model of images (n, image_size, image_size, 3) to (n, 2) probabilities.

    Raises:
        StageError: if it is missing or corrupt, or has other input or output shapes.
    """
    if not zipfile.is_zipfile(path):  # Keras reports "not found" in both cases
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


def _rewrite(source: Path, destination: Path) -> None:
    with zipfile.ZipFile(source) as saved, zipfile.ZipFile(destination, "w") as archive:
        for name in sorted(saved.namelist()):
            content = saved.read(name)
            if name.endswith(".json"):
                content = json.dumps(_reproducible_config(json.loads(content), numbers={})).encode()
            archive.writestr(zipfile.ZipInfo(name), content)


def _reproducible_config(config: Any, *, numbers: dict[int, int]) -> Any:
    """Remove dates, and number shared objects by their first appearance."""
    if isinstance(config, list):
        return [_reproducible_config(item, numbers=numbers) for item in config]
    if not isinstance(config, dict):
        return config
    kept = {
        key: _reproducible_config(value, numbers=numbers)
        for key, value in config.items()
        if key != "date_saved"
    }
    if "shared_object_id" in kept:
        address = kept["shared_object_id"]
        kept["shared_object_id"] = numbers.setdefault(address, len(numbers))
    return kept


def _shape(shape: tuple[int | None, ...]) -> str:
    return "×".join("n" if size is None else str(size) for size in shape)
