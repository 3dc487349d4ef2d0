"""The folder that the train stage uses as KERAS_HOME: Keras' settings and ImageNet weights."""

from __future__ import annotations

import os
from pathlib import Path

from stages.download.origin import PATIENCE, Patience
from stages.download.partial import state_folder
from stages.download.transfer import Checksum, transfer
from stages.download.web import web_origin
from stages.files import write_json
from stages.quiet import import_tensorflow

KERAS_SETTINGS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
"""Written out, so that no ~/.keras/keras.json changes a run."""


def make_keras_home(
    folder: Path, *, base: str, weights: str, patience: Patience = PATIENCE
) -> None:
    """Write `keras.json` and, for `weights: imagenet`, `models/<base>_notop.h5` into a folder.

    Raises:
        StageError: if the weights cannot be fetched, or their MD5 is not the one in Keras.
    """
    write_json(KERAS_SETTINGS, folder / "keras.json")
    if weights == "imagenet":
        _fetch_weights(base, folder, patience)


def published_weights(base: str) -> tuple[str, str]:
    """Return where Keras fetches the ImageNet weights of a base without its top, and their MD5.

    Imports Keras, and TensorFlow with it.
    """
    import_tensorflow()
    from keras.src.applications import efficientnet  # the table has no public name

    url = f"{efficientnet.BASE_WEIGHTS_PATH}{base.lower()}_notop.h5"
    return url, efficientnet.WEIGHTS_HASHES[base.lower().removeprefix("efficientnet")][1]


def _fetch_weights(base: str, folder: Path, patience: Patience) -> None:
    # Keras reads its settings as it is imported, and would write them to a home without any.
    os.environ["KERAS_HOME"] = str(folder)
    url, md5 = published_weights(base)
    destination = folder / "models" / Path(url).name
    destination.parent.mkdir()
    transfer(
        web_origin(url, patience=patience),
        destination,
        state=state_folder(),
        verify=lambda _: None,  # Keras' hash says all
        checksums=[Checksum("md5", md5, "as the installed Keras says")],
        patience=patience,
    )
