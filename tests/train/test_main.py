import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from stages.download.weights import KERAS_SETTINGS
from tests.conftest import ROOT
from tests.small_base import make_base_small
from tests.train.conftest import write_shards
from tests.train.scene import Scene, Trainings

pytestmark = pytest.mark.integration

OUTPUTS = ("model.keras", "train.json", "history.csv")
OFFLINE = {
    "PYTHONPATH": str(Path(__file__).with_name("offline")),
    "TF_CPP_MIN_LOG_LEVEL": "3",  # as without these tests, in whose process JAX sets another
}


TINY = {"batch_size": 4, "epochs": 2, "optimizer": "Adamax", "cooldown_steps": 0}


def run_train(folder: Path, shards: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """Run the stage as DVC does, in a folder with small parameters."""
    folder.mkdir()
    shutil.copytree(ROOT / "stages", folder / "stages")
    make_base_small(folder)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"] |= {"base": "EfficientNetB0"}
    params["profiles"]["synthetic"]["train"] |= TINY | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "home").mkdir()
    (folder / "home/keras.json").write_text(json.dumps(KERAS_SETTINGS))
    command = [sys.executable, "-m", "stages.train", "--shards", shards, "--keras-home", "home"]
    command += ["--cells-csv", shards.with_name("cells.csv")]
    command += ["--model-keras", "model.keras", "--report", "train.json"]
    command += ["--history-csv", "history.csv"]
    environment = os.environ | OFFLINE | {"KERAS_BACKEND": "jax"}  # of no consequence
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_every_training_here_is_one_that_cannot_reach_anybody() -> None:
    ask = "import socket; socket.create_connection(('127.0.0.1', 9))"
    finished = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | OFFLINE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "offline: socket.connect" in finished.stderr or "offline: socket.get" in finished.stderr


def test_two_runs_give_the_same_bytes(shards: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        finished = run_train(tmp_path / name, shards)
        assert finished.returncode == 0, finished.stderr
        outputs = [(tmp_path / name / output).read_bytes() for output in OUTPUTS]
        digests.append([sha256(content).hexdigest() for content in outputs])
    assert digests[0] == digests[1]

    folder = tmp_path / "first"
    report = json.loads((folder / "train.json").read_text())
    history = pd.read_csv(folder / "history.csv")
    assert len(history) == report["epochs"] == 2
    best = history.loc[report["best_epoch"] - 1]
    assert best["val_accuracy"] == report["val_accuracy"] == history["val_accuracy"].max()
    assert (report["steps_per_epoch"], report["steps"]) == (3, 6)
    assert report["weights"] == "none"
    assert f"best epoch {report['best_epoch']} of 2" in finished.stdout.splitlines()[-1]
    model = keras.models.load_model(folder / "model.keras")
    images = np.zeros((1, 32, 32, 3), np.uint8)
    assert model.predict_on_batch(images).sum() == pytest.approx(1)


@dataclass(frozen=True)
class Ended:
    folder: Path
    finished: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def large_batch(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A training with a batch that is larger than the training set, after its end."""
    folder = tmp_path_factory.mktemp("large_batch")
    shards = write_shards(folder / "shards")
    return Ended(folder / "run", run_train(folder / "run", shards, batch_size=13))


def test_a_batch_larger_than_the_training_set_is_one_clear_line(large_batch: Ended) -> None:
    finished = large_batch.finished
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith("train: ")
    assert "12 training cells do not fill a batch" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not any((large_batch.folder / output).exists() for output in OUTPUTS)


def test_a_loss_that_diverges_is_one_clear_line(trainings: Trainings, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.set_params(optimizer="SGD", learning_rate=1e30)
    finished = trainings.run(tmp_path)
    assert finished.returncode == 1
    assert "training has diverged; lower `train.learning_rate`" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not scene.outputs()


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_damaged_image_is_one_clear_line(part: str, trainings: Trainings, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    records = pd.read_csv(tmp_path / "shards/records.csv").set_index("image")
    place = records.loc[f"{part}-3.bmp"]
    shard = tmp_path / "shards/shard-00000.tfrecord"
    whole = shard.read_bytes()
    inside = place["offset"] + place["size"] // 2
    shard.write_bytes(whole[:inside] + bytes([whole[inside] ^ 1]) + whole[inside + 1 :])
    finished = trainings.run(tmp_path)
    assert finished.returncode == 1
    (line,) = [line for line in finished.stderr.splitlines() if "train: " in line]
    assert "shard-00000.tfrecord is missing or corrupt (" in line
    assert "make the shards again with `dvc repro --force --single-item preprocess`" in line
    assert "Traceback" not in finished.stderr
    assert not scene.outputs()


def test_a_gpu_that_is_not_there_is_one_clear_line_before_any_work(
    shards: Path, tmp_path: Path
) -> None:
    finished = run_train(tmp_path / "run", shards, device="gpu")
    assert finished.returncode == 1
    assert finished.stderr.startswith("train: `train.device` is gpu, but TensorFlow finds none; ")
    assert finished.stdout == ""


def test_without_a_gpu_this_is_said_at_once(large_batch: Ended) -> None:
    assert large_batch.finished.stdout.startswith("No GPU was found: training on the CPU.")
