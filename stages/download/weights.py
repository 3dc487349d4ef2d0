"""Make the KERAS_HOME folder of the train stage: Keras' settings and ImageNet weights."""

from __future__ import annotations

import ast
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from stages.common.files import write_json
from stages.download.http_origin import http_origin
from stages.download.origin import DEFAULT_RETRIES, RetryPolicy
from stages.download.partial_file import state_folder
from stages.download.transfer import Checksum, transfer

KERAS_SETTINGS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
"""Written to keras.json, so that the user's ~/.keras/keras.json does not change a run."""


def make_keras_home(
    folder: Path, *, base: str, weights: str, retry_policy: RetryPolicy = DEFAULT_RETRIES
) -> None:
    """Write `keras.json` and, for `weights: imagenet`, `models/<base>_notop.h5` into a folder.

    Raises:
        StageError: if the weights cannot be fetched, or their MD5 is not the one in Keras.
    """
    write_json(KERAS_SETTINGS, folder / "keras.json")
    if weights == "imagenet":
        _fetch_weights(base, folder, retry_policy)


def published_weights(base: str) -> tuple[str, str]:
    """Return the URL and the MD5 of Keras' ImageNet weights for a base without its top.

    It reads the source of the installed Keras: an import would load TensorFlow, in 4 seconds.
    """
    address, hashes = _constants(
        "keras/src/applications/efficientnet.py", "BASE_WEIGHTS_PATH", "WEIGHTS_HASHES"
    )
    md5: str = hashes[base.lower().removeprefix("efficientnet")][1]
    return f"{address}{base.lower()}_notop.h5", md5


def _constants(module: str, *names: str) -> list[Any]:
    """Return the values of constants in a module of the installed Keras, without importing it."""
    source = Path(str(distribution("keras").locate_file(module))).read_text(encoding="utf-8")
    assigned = {
        ast.unparse(node.targets[0]): node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }
    return [ast.literal_eval(assigned[name]) for name in names]


def _fetch_weights(base: str, folder: Path, retry_policy: RetryPolicy) -> None:
    url, md5 = published_weights(base)
    destination = folder / "models" / Path(url).name
    destination.parent.mkdir()
    transfer(
        http_origin(url, retry_policy=retry_policy),
        destination,
        state=state_folder(),
        verify=lambda _: None,  # Keras' MD5 is enough
        checksums=[Checksum("md5", md5, "as the installed Keras says")],
        retry_policy=retry_policy,
    )
