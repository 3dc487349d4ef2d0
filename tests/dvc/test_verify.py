"""`make verify`: a commit rebuilt in a clean clone beside the workspace."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.project import STAGES, Project, make, stages_run, user_environment

VERIFY = ("python", "-m", "stages.workspace.verify")
PIPELINE = """\
stages:
  download:
    cmd: python make.py data
    outs: [data]
  train:
    cmd: python make.py metrics/train.json
    deps: [data]
    metrics:
      - metrics/train.json: {cache: false}
"""
MAKE = """\
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(exist_ok=True)
path.write_text('{"device": "CPU"}')
if "TRAIN_STATE_DIR" in os.environ:
    sys.exit("the state of another training would be resumed")
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline of two quick stages, run and committed; its user has one cache for all clones."""
    place = tmp_path_factory.mktemp("small")
    environment = user_environment(place / "settings", home=place) | {"PYTHONPATH": str(ROOT)}
    del environment["TRAIN_STATE_DIR"]
    project = Project(place / "my clone", environment, shared_cache=place / "shared")
    files = {
        place / "settings/global/config": f"[cache]\n    dir = {place / 'shared'}\n",
        project.folder / ".dvc/config": "",
        project.folder / ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        project.folder / ".gitignore": "/data\n",
        project.folder / "dvc.yaml": PIPELINE,
        project.folder / "make.py": MAKE,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project.git("init --quiet --initial-branch=main")
    project.dvc("repro")
    project.git("add --all")
    project.commit("Results")
    shutil.rmtree(project.cache / "files")  # so that what is put there is seen
    return project


def clones(project: Project) -> list[Path]:
    """What is left beside a working tree of clones in which it was verified."""
    return list(project.folder.parent.glob(f"{project.folder.name}.verify-*"))


def test_a_wrong_figure_in_the_commit_is_named_beside_the_one_that_the_pipeline_makes(
    origin: Project, tmp_path: Path
) -> None:
    project = origin.clone(tmp_path / "clone", pulled=False)
    project = project.with_variables({"TRAIN_STATE_DIR": str(tmp_path / "states")})
    path = project.folder / "metrics/train.json"
    right = json.loads(path.read_text())["val_accuracy"]
    path.write_text(path.read_text().replace(f'"val_accuracy": {right}', '"val_accuracy": 2'))
    made = origin.outputs()
    lock = project.folder / "dvc.lock"
    lock.write_text(lock.read_text().replace(made["metrics/train.json"], "0" * 32))
    project.commit("Better than it is")

    printed = make(project, "verify", code=2)

    assert stages_run(printed) == STAGES
    assert f"the same bytes: {len(made) - 1} of {len(made)} outputs\n" in printed
    assert f"\nmetrics/train.json:\n  val_accuracy: 2 → {right}\n\n" in printed
    assert "  device: CPU (both)\n" in printed
    assert re.search(r"verify\] Error 1$", printed)
    (clone,) = clones(project)
    assert str(clone) in printed
    rebuilt = Project(clone, project.environment)
    assert rebuilt.outputs() == made
    assert f'+  "val_accuracy": {right}' in rebuilt.git("diff HEAD")
    assert not (tmp_path / "states").exists()


def test_where_the_bytes_are_the_same_nothing_is_left_in_caches_and_folders(
    small: Project, tmp_path: Path
) -> None:
    project = small.with_variables({"TRAIN_STATE_DIR": str(tmp_path / "states")})
    site = Path(project.environment["DVC_SITE_CACHE_DIR"], "repo")
    kept = set(site.iterdir())
    edited = project.folder / "make.py"
    edited.write_text("an edit that is not committed")

    printed = project.run(*VERIFY)

    edited.write_text(MAKE)
    assert stages_run(printed) == ["download", "train"]
    assert "not committed, so not verified: make.py\n" in printed
    assert "the same bytes: 2 of 2 outputs\n" in printed
    assert project.objects() == set()
    assert set(site.iterdir()) == kept
    assert clones(project) == []


def test_an_output_that_no_stage_makes_any_more_is_named(small: Project, tmp_path: Path) -> None:
    project = small.clone(tmp_path / "clone", pulled=False)
    (project.folder / "dvc.yaml").write_text(PIPELINE.partition("  train:")[0])
    project.commit("Train no more")

    printed = project.run(*VERIFY, code=1)

    assert "the same bytes: 1 of 2 outputs\n" in printed
    assert "metrics/train.json: in dvc.lock of the commit, but no stage makes it\n" in printed


def test_of_a_stage_that_fails_the_message_and_the_clone_are_left(
    small: Project, tmp_path: Path
) -> None:
    project = small.clone(tmp_path / "clone", pulled=False)
    (project.folder / "make.py").write_text("raise SystemExit('make: no luck')")
    project.commit("Fail")

    printed = project.run(*VERIFY, code=2)

    (clone,) = clones(project)
    assert "make: no luck\n" in printed
    last = printed.splitlines()[-1]
    assert last.startswith("verify: commit ")
    assert "could not be rebuilt" in last
    assert last.endswith(str(clone))
