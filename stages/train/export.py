"""Write a Keras model so that the same weights give the same bytes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras

from stages.files import atomic_path


def write_model(model: keras.Model, destination: Path) -> None:
    """Write the model without its optimizer as a `.keras` file, atomically.

    Keras puts the date into the file's metadata and its zip entries; both are left out here, so
    that the bytes depend on nothing but the network, its weights and the version of Keras.
    """
    inference = keras.Model(model.inputs, model.outputs, name=model.name)
    with atomic_path(destination) as temporary:
        saved = temporary.with_name(f"{temporary.name}.keras")
        try:
            inference.save(saved)
            _rewrite(saved, temporary)
        finally:
            saved.unlink(missing_ok=True)


def _rewrite(source: Path, destination: Path) -> None:
    with zipfile.ZipFile(source) as saved, zipfile.ZipFile(destination, "w") as archive:
        for name in sorted(saved.namelist()):
            content = saved.read(name)
            if name == "metadata.json":
                content = _undated(content)
            archive.writestr(zipfile.ZipInfo(name), content)


def _undated(metadata: bytes) -> bytes:
    content = json.loads(metadata)
    return json.dumps({"keras_version": content["keras_version"]}).encode()
