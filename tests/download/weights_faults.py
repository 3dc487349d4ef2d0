"""What can be wrong with `download.weights`: the fault, the value, and what is said of it.

Keras publishes nothing here. `…` stands for a folder with `other.h5`, of other bytes, `cut #1.h5`,
and the files of `write_models`.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

FAULTS_OF_WEIGHTS = [
    ("no such file where Keras publishes them", "imagenet", "the server answered 404"),
    (
        "no network (after 3 tries, in seconds)",
        "http://no-such-host.invalid/w.h5",
        "http://no-such-host.invalid/w.h5: it cannot be reached",
    ),
    ("a misspelt word", "imagenett", "imagenett is not a file in "),
    (
        "a path that YAML has cut off",
        "…/cut",
        "…/cut is not a file, but …/cut #1.h5 is there: in params.yaml a # after a space begins a "
        "comment, so put the path into single quotes",
    ),
    (
        "a path in another case, or without a space at its end (and more: "
        "`tests/download/test_local_file.py`)",
        "…/Other.h5",
        "…/Other.h5 is not a file, but 'other.h5' is there: the names differ in case, in a space "
        "at an end, or in how an accent is written; take the name from the folder, in quotes",
    ),
    ("a folder", "…/user", "…/user is not a file, but a folder; expected a file of weights"),
    ("a file of other weights than those of Keras", "…/other.h5", "…/other.h5: MD5 is"),
]

FAULTS_OF_TRAINED_MODELS = [
    ("no such file", "…/none.keras", "…/none.keras is not a file; expected a file of weights"),
    ("other bytes under the name of a model", "…/other.keras", "…/other.keras is no Keras model"),
    ("a model that is cut off", "…/half.keras", "…/half.keras is no Keras model, or is damaged"),
    (
        "a model with a flipped bit",
        "…/flipped.keras",
        "…/flipped.keras: model.weights.h5 in it is damaged",
    ),
    (
        "a model of another project",
        "…/foreign.keras",
        "…/foreign.keras is a network of the name 'functional_1'; expected a model of this "
        "project, such as a copy of its models/model.keras",
    ),
]


def write_models(folder: Path) -> bytes:
    """Write faulty models, and return the bytes of a whole one."""
    whole = write_model(folder / "whole.keras", network="leukemia_classifier")
    write_model(folder / "foreign.keras", network="functional_1")
    (folder / "other.keras").write_bytes(b"other")
    (folder / "half.keras").write_bytes(whole[: len(whole) // 2])
    (folder / "flipped.keras").write_bytes(whole.replace(b"some weights", b"some_weights"))
    return whole


def write_model(path: Path, *, network: str) -> bytes:
    """Write what the stage looks at in a model, and return its bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"name": network}}))
        archive.writestr("model.weights.h5", b"some weights")
    return path.read_bytes()
