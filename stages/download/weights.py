"""Make the KERAS_HOME folder of the train stage: Keras' settings and the initial weights."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.download.archive_source import address_origin, public_name
from stages.download.local_file import copy_file, local_path
from stages.download.origin import DEFAULT_RETRIES, RetryPolicy
from stages.download.partial_file import state_folder
from stages.download.published_weights import published_weights
from stages.download.source_address import expand_variables
from stages.download.trained_model import names_trained_model, require_trained_model
from stages.download.transfer import Checksum, transfer, wrong_checksum
from stages.network.initial_weights import TRAINED_MODEL, WeightsKind

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
    """Write `keras.json` and, unless `weights` is none, the initial weights into a folder.

    These are `models/<base>_notop.h5`, or a trained model as TRAINED_MODEL.

    Raises:
        StageError: if the weights cannot be fetched, their MD5 is not the one in Keras, or a
            trained model is none of this project.
    """
    write_json(KERAS_SETTINGS, folder / "keras.json")
    match weights_kind(weights):
        case "imagenet":
            _make_imagenet(folder, base=base, weights=weights, retry_policy=retry_policy)
        case "trained model":
            model = folder / TRAINED_MODEL
            model.parent.mkdir()
            _fetch(weights, model, verify=_require_model_of(weights), retry_policy=retry_policy)


def weights_kind(weights: str) -> WeightsKind:
    """Return the kind of `download.weights`."""
    if weights == "none":
        return "none"
    return "trained model" if names_trained_model(weights) else "imagenet"


def _require_model_of(source: str) -> Callable[[Path], None]:
    return functools.partial(require_trained_model, name=public_name(source))


def _make_imagenet(folder: Path, *, base: str, weights: str, retry_policy: RetryPolicy) -> None:
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


def _bring(
    weights: str, url: str, destination: Path, checksum: Checksum, retry_policy: RetryPolicy
) -> None:
    kept = keras_models() / destination.name
    if weights == "imagenet" and _is_right(kept, checksum):
        copy_file(kept, destination, expected="")
        return
    _fetch(
        url if weights == "imagenet" else weights,
        destination,
        verify=lambda _: None,  # Keras' MD5 is enough
        checksums=[checksum],
        retry_policy=retry_policy,
    )


def _fetch(
    source: str,
    destination: Path,
    *,
    verify: Callable[[Path], None],
    checksums: Sequence[Checksum] = (),
    retry_policy: RetryPolicy,
) -> None:
    """Bring a file from a path or an address, and check it."""
    address = expand_variables(source)
    if "://" in address:
        transfer(
            address_origin(address, name=public_name(source), retry_policy=retry_policy),
            destination,
            state=state_folder(),
            verify=verify,
            checksums=checksums,
            retry_policy=retry_policy,
        )
        return
    copy_file(local_path(source), destination, expected="expected a file of weights")
    problem = wrong_checksum(destination, checksums)
    if problem:
        raise StageError(f"{source}: {problem}")
    verify(destination)


def _is_right(kept: Path, checksum: Checksum) -> bool:
    """Return whether the user's Keras keeps these weights; tell of others under their name."""
    try:
        problem = wrong_checksum(kept, [checksum])
    except OSError:  # missing, or not to be read
        return False
    if problem:
        print(f"{kept} is not used: its {problem}", file=sys.stderr)
    return not problem
