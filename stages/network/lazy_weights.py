"""Build the network of a `.keras` file without its weights, which are read when it is written.

The networks of an ensemble take as many times the memory of one as there are members; so do their
weights alone. To write them into one file, one member's weights at a time are enough.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras


def network_of(path: Path) -> keras.Model:
    """Return the network of a `.keras` file, to be written again, but not to be called.

    Call it in `keras.StatelessScope(initialize_variables=False)`, and write the network there, or
    Keras makes random weights. The file must stay as it is until then.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    network = keras.saving.deserialize_keras_object(config)
    _write_from(path, "/", network)
    return network


def _write_from(path: Path, place: str, saveable: Any) -> None:
    """Let Keras take the weights of a layer, and of all below it, from the file.

    Args:
        path: the `.keras` file.
        place: the name of the layer's group in the file's HDF5.
        saveable: the layer, or what it keeps weights in, such as its random generator.
    """
    group = _weights(path)[place]
    if "vars" in group:
        saveable.save_own_variables = functools.partial(_copy, path, group["vars"].name)
    for name, below in group.items():
        if name == "layers":
            for layer in below.values():
                inner = saveable.get_layer(str(layer["vars"].attrs["name"]))
                _write_from(path, layer.name, inner)
        elif name != "vars":
            _write_from(path, below.name, getattr(saveable, name))


def _copy(path: Path, place: str, store: Any) -> None:
    own = _weights(path)[place]
    for name in sorted(own, key=int):
        store[name] = own[name][()]


@functools.lru_cache(maxsize=1)
def _weights(path: Path) -> h5py.File:
    """Return the open HDF5 in a `.keras` file; the last one is kept, for the next layer."""
    with zipfile.ZipFile(path) as archive:
        return h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
