"""Make the KERAS_HOME folder of the train stage: Keras' settings and ImageNet weights."""

from __future__ import annotations

import ast
import os
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.download.archive_source import address_origin, public_name
from stages.download.local_file import copy_file, local_path
from stages.download.origin import DEFAULT_RETRIES, RetryPolicy
from stages.download.partial_file import state_folder
from stages.download.source_address import expand_variables
from stages.download.transfer import Checksum, transfer, wrong_checksum

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
    """Write `keras.json` and, unless `weights` is none, `models/<base>_notop.h5` into a folder.

    Raises:
        StageError: if the weights cannot be fetched, or their MD5 is not the one in Keras.
    """
    write_json(KERAS_SETTINGS, folder / "keras.json")
    if weights == "none":
        return
    url, md5 = published_weights(base)
    name = Path(url).name
    destination = folder / "models" / name
    destination.parent.mkdir()
    checksum = Checksum("md5", md5, "as the installed Keras says")
    try:
        _bring(weights, url, destination, checksum, retry_policy)
    except StageError as error:
        raise StageError(
            f"{error}; put {name} into {keras_models()}, set download.weights to the path or URL "
            f"of a copy, or to none to train from scratch (the original is {url})"
        ) from error


def keras_models() -> Path:
    """Return the folder in which the user's own Keras keeps weights."""
    home = os.path.expanduser("~/.keras")  # noqa: PTH111 - Path's raises for a user without a home
    return Path(os.environ.get("KERAS_HOME") or home) / "models"


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


def _bring(
    weights: str, url: str, destination: Path, checksum: Checksum, retry_policy: RetryPolicy
) -> None:
    kept = keras_models() / destination.name
    if weights == "imagenet" and _is_right(kept, checksum):
        copy_file(kept, destination, expected="")
        return
    source = url if weights == "imagenet" else weights
    address = expand_variables(source)
    if "://" in address:
        transfer(
            address_origin(address, name=public_name(source), retry_policy=retry_policy),
            destination,
            state=state_folder(),
            verify=lambda _: None,  # Keras' MD5 is enough
            checksums=[checksum],
            retry_policy=retry_policy,
        )
        return
    copy_file(local_path(source), destination, expected="expected a file of weights")
    problem = wrong_checksum(destination, [checksum])
    if problem:
        raise StageError(f"{source}: {problem}")


def _is_right(kept: Path, checksum: Checksum) -> bool:
    """Return whether the user's Keras keeps these weights; tell of others under their name."""
    try:
        problem = wrong_checksum(kept, [checksum])
    except OSError:  # missing, or not to be read
        return False
    if problem:
        print(f"{kept} is not used: its {problem}", file=sys.stderr)
    return not problem
