"""The folder that the train stage uses as KERAS_HOME: Keras' settings and ImageNet weights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from stages.download.transfer import download_url
from stages.errors import StageError
from stages.files import write_json
from stages.quiet import import_tensorflow

KERAS_SETTINGS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
"""Written out, so that no ~/.keras/keras.json changes a run."""


def make_keras_home(folder: Path, *, base: str, weights: str) -> None:
    """Write `keras.json` and, for `weights: imagenet`, `models/<base>_notop.h5` into a folder.

    Raises:
        StageError: if the weights cannot be fetched, or their MD5 is not the one in Keras.
    """
    write_json(KERAS_SETTINGS, folder / "keras.json")
    if weights == "imagenet":
        _fetch_weights(base, folder)


def published_weights(base: str) -> tuple[str, str]:
    """Return where Keras fetches the ImageNet weights of a base without its top, and their MD5.

    Imports Keras, and TensorFlow with it.
    """
    import_tensorflow()
    from keras.src.applications import efficientnet  # the table has no public name

    url = f"{efficientnet.BASE_WEIGHTS_PATH}{base.lower()}_notop.h5"
    return url, efficientnet.WEIGHTS_HASHES[base.lower().removeprefix("efficientnet")][1]


def _fetch_weights(base: str, folder: Path) -> None:
    # Keras reads its settings as it is imported, and would write them to a home without any.
    os.environ["KERAS_HOME"] = str(folder)
    url, expected = published_weights(base)
    destination = folder / "models" / Path(url).name
    destination.parent.mkdir()
    download_url(url, destination)
    with destination.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != expected:
        raise StageError(
            f"{url}: MD5 is {md5}, expected {expected} as in the installed Keras; try again"
        )
