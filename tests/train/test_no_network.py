"""Training is offline: everything from outside has come with the download stage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import pytest
from keras.src.legacy.saving import legacy_h5_format

from tests.conftest import ROOT

pytestmark = pytest.mark.integration

PROGRAM = """
import hashlib, os, socket, sys
from dataclasses import replace
from pathlib import Path

asked = []
def watch(event, arguments):  # urllib3 binds a socket of its own, as it is imported, to try IPv6
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.bind"):
        asked.append(event)
sys.addaudithook(watch)

home, shards, cells_csv = map(Path, sys.argv[1:])
os.environ["KERAS_HOME"] = str(home)
import stages.train.__main__
from stages.common.tensorflow_import import import_tensorflow
import_tensorflow()
from keras.src.applications import efficientnet
weights = home / "models/efficientnetb0_notop.h5"
efficientnet.WEIGHTS_HASHES["b0"] = ("", hashlib.md5(weights.read_bytes()).hexdigest())

from stages.common.params_file import load_params
from stages.dataset.cell_table import read_cells
from stages.dataset.shard_reader import read_part
from stages.train.fit import build_model
from stages.network.model_writer import write_model
model = replace(load_params(Path("params.yaml")).model, base="EfficientNetB0")
cells = read_part(shards, read_cells(cells_csv), "train")
network = build_model(model, image_size=cells.images.shape[1], weights="imagenet")
network.predict_on_batch(cells.images[:2])
write_model(network, home / "model.keras")
assert not asked, asked

try:
    socket.create_connection(("127.0.0.1", 9))
except OSError:
    assert asked, "connections are not seen"
"""


def test_training_from_imagenet_weights_asks_nobody(
    tmp_path: Path, shards: Path, cells_csv: Path
) -> None:
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    published = keras.applications.EfficientNetB0(include_top=False, weights=None)
    with h5py.File(home / "models/efficientnetb0_notop.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, published)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, home, shards, cells_csv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (home / "model.keras").exists()
