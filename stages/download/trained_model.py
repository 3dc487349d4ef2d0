"""Know a trained model of this project by its file, without TensorFlow."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

from stages.common.errors import StageError
from stages.download.source_address import expand_variables
from stages.network.initial_weights import NETWORK_NAME

_EXPECTED = "expected a model of this project, such as a copy of its models/model.keras"


def names_trained_model(weights: str) -> bool:
    """Return whether `download.weights` names a file that ends in `.keras`, as Keras asks for."""
    address = expand_variables(weights)
    path = urlsplit(address).path if "://" in address else address
    return path.lower().endswith(".keras")


def require_trained_model(path: Path, *, name: str) -> None:
    """Check that a file is a model of this project, and whole.

    Args:
        path: of the file.
        name: of its source, for the message.

    Raises:
        StageError: if it is not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            network = json.loads(archive.read("config.json"))["config"]["name"]
            archive.getinfo("model.weights.h5")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError) as error:
        raise StageError(
            f"{name} is no Keras model, or is damaged ({error}); {_EXPECTED}"
        ) from error
    if damaged:
        raise StageError(f"{name}: {damaged} in it is damaged; {_EXPECTED}")
    if network != NETWORK_NAME:
        raise StageError(f"{name} is a network of the name {network!r}; {_EXPECTED}")
