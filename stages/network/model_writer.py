"""Write the `.keras` file so that the same weights give the same bytes."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras.src.saving import saving_lib

from stages.common.files import atomic_path

_NEW_DEFAULTS = {
    "optional": False,  # an input, since Keras 3.4
    "renorm": False,  # batch norm, these three since 3.14
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "quantization_config": None,  # a dense layer, since 3.13
    "input_axes": None,  # an initializer, these two since 3.15
    "output_axes": None,
}
"""Settings that an older Keras does not know, with the values that say nothing new."""


def write_model(model: keras.Model, destination: Path) -> None:
    """Write the model without its optimizer as a `.keras` file, atomically.

    Keras writes the date into the file's metadata and its zip entries, and memory addresses into
    its configuration (`shared_object_id`). This function replaces all of them. So the bytes depend
    only on the network, its weights and the version of Keras. Older versions of Keras load the
    file, too: settings that they do not know are left out where they have their defaults.
    """
    inference = keras.Model(model.inputs, model.outputs, name=model.name)
    with atomic_path(destination) as temporary:
        # Keras requires this ending. A killed run leaves the file; the next run overwrites it.
        saved = destination.with_name(f".{destination.name}.tmp.keras")
        try:
            with _laid_out_alike():
                inference.save(saved)
            _rewrite(saved, temporary)
        finally:
            saved.unlink(missing_ok=True)


@contextlib.contextmanager
def _laid_out_alike() -> Iterator[None]:
    """Have Keras 3.15 write weights by way of memory: by a file HDF5 lays them out otherwise.

    Keras takes the file where the weights are more than half of the memory that is free.
    """
    found = saving_lib.is_memory_sufficient
    saving_lib.is_memory_sufficient = lambda _: True
    try:
        yield
    finally:
        saving_lib.is_memory_sufficient = found


def _rewrite(source: Path, destination: Path) -> None:
    with zipfile.ZipFile(source) as saved, zipfile.ZipFile(destination, "w") as archive:
        for name in sorted(saved.namelist()):
            content = saved.read(name)
            if name.endswith(".json"):
                config = _reproducible_config(json.loads(content), numbers={})
                content = json.dumps(config).encode()
            archive.writestr(zipfile.ZipInfo(name), content)


def _reproducible_config(config: Any, *, numbers: dict[int, int]) -> Any:
    """Remove dates and new defaults, and number shared objects by their first appearance."""
    if isinstance(config, list):
        return [_reproducible_config(item, numbers=numbers) for item in config]
    if not isinstance(config, dict):
        return config
    kept = {
        key: _reproducible_config(value, numbers=numbers)
        for key, value in config.items()
        if key != "date_saved" and not _is_new_default(key, value)
    }
    if "shared_object_id" in kept:
        address = kept["shared_object_id"]
        kept["shared_object_id"] = numbers.setdefault(address, len(numbers))
    return kept


def _is_new_default(key: str, value: Any) -> bool:
    return key in _NEW_DEFAULTS and value == _NEW_DEFAULTS[key]
