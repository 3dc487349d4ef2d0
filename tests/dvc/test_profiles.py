"""From the built-in cells to an archive in Kaggle's layout, and back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import tiny_members
from tests.dvc.project import STAGES, Project, stages_restored, stages_run


@pytest.fixture(scope="module")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in tiny_members().items():
            archive.writestr(member, content)
    return path


def test_back_from_the_other_profile_every_stage_comes_from_the_run_cache_in_any_path(
    origin: Project, small_archive: Path, tmp_path: Path
) -> None:
    project = origin.clone(tmp_path / "Zellen für Łódź 白血病" / "clone")
    small = {
        "download.source": small_archive,
        "download.weights": "none",
        "preprocess.image_size": 32,
        "train.optimizer": "SGD",
        "train.epochs": 1,
        "train.batch_size": 20,
    }
    for key, value in small.items():
        project.set_param(f"profiles.cnmc.{key}", value)
    project.commit("A small archive")
    assert stages_run(project.run("dvc", "repro")) == []

    project.set_param("profile", "cnmc")
    assert stages_run(project.run("dvc", "repro")) == STAGES
    project.run("git", "switch", "--quiet", "--create", "real")
    project.commit("The other profile")
    assert json.loads(project.run("dvc", "params", "diff", "main", "--json")) == {
        "params.yaml": {"profile": {"old": "synthetic", "new": "cnmc"}}
    }

    for name, branch in (("synthetic", "main"), ("cnmc", "real")):
        project.set_param("profile", name)
        output = project.run("dvc", "repro")
        assert stages_run(output) == []
        assert stages_restored(output) == STAGES
        assert project.run("git", "diff", "--stat", branch, "--", "dvc.lock", "metrics") == ""
