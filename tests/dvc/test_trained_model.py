"""The recipe that goes on from a trained model's weights."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import commands, section
from tests.dvc.project import RATE, Project, stages_run

MODEL = Path("models/model.keras")
COPY = Path("../two-epochs.keras")


def test_the_recipe_goes_on_from_the_weights(origin: Project, tmp_path: Path) -> None:
    project = origin.clone(tmp_path / "clone")
    first, copy, second = commands(section("training.md", "Go on from a trained model"))
    assert stages_run(project.run(*first.split())) == ["train", "evaluate"]
    project.run(*copy.split())

    printed = project.run(*second.split())

    assert stages_run(printed) == ["download", "train", "evaluate"]
    assert "weights trained model" in printed
    digits = sha256((project.folder / COPY).read_bytes()).hexdigest()
    report = read(project, "metrics/train.json")
    assert (report["weights"], report["weights_sha256"]) == ("trained model", digits)
    assert report["epochs"] == 3
    metadata = read(project, "models/metadata.json")
    assert metadata["initial_weights"] == {"kind": "trained model", "sha256": digits}
    assert f"trained model (SHA-256 {digits})" in (
        project.folder / "metrics/report.html"
    ).read_text(encoding="utf-8")
    assert "two-epochs" not in json.dumps([report, metadata])


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Project:
    """A clone that starts from the model of the first run."""
    project = origin.clone(tmp_path / "clone")
    shutil.copy(project.folder / MODEL, tmp_path / "first.keras")
    project.set_param("profiles.synthetic.download.weights", tmp_path / "first.keras")
    project.set_param(RATE, "0.000000001")
    return project


def test_training_starts_where_the_model_was_and_anew_from_another(
    clone: Project, origin: Project
) -> None:
    clone.dvc("repro train")
    now, earlier = read(clone, "metrics/train.json"), read(origin, "metrics/train.json")
    assert now["val_accuracy"] == earlier["val_accuracy"]
    assert now["val_loss"] == pytest.approx(earlier["val_loss"], rel=0.2)
    shutil.copy(clone.folder / MODEL, clone.folder / "../first.keras")
    clone.dvc("repro --force --single-item download")
    assert "data/raw/keras_home" in clone.dvc("status train")
    assert "Resumed" not in clone.dvc("repro --single-item train")


def test_a_model_of_another_network_is_told_in_one_line(clone: Project) -> None:
    clone.set_param("model.dense.units", 8)
    printed = clone.dvc("repro train", code=255)
    told = "data/raw/keras_home/models/trained_model.keras, the copy of `download.weights`, is of"
    assert f"train: {told} another network: head_dense/kernel is" in printed
    assert "Traceback" not in printed


def read(project: Project, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.folder / name).read_text(encoding="utf-8"))
    return content
