"""The second pipeline, by the real DVC: folds and members, changed, killed, compared and shared."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT
from tests.dvc.project import Project
from tests.dvc.scene import UP_TO_DATE

PIPELINE = "cross_validation/dvc.yaml"
METRICS = Path("cross_validation/metrics")
MEMBERS = ["1-1", "2-1", "3-1"]


def ran(printed: str) -> list[str]:
    """The stages that a `dvc repro` has run, sorted."""
    return sorted(re.findall(r"Running stage '(?:\S+:)?(\S+)'", printed))


def outputs(project: Project) -> dict[str, str]:
    """What cross_validation/dvc.lock says of every output: its hash."""
    lock = yaml.safe_load((project.folder / "cross_validation/dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}


def with_cross_validation(project: Project) -> Project:
    """Give a tiny clone three folds and one seed."""
    shutil.copy2(ROOT / PIPELINE, project.folder / PIPELINE)
    project.set_param("cross_validation.folds", "[1, 2, 3]")
    project.set_param("cross_validation.seeds", "[1]")
    project.git("add --all")
    project.commit("Three folds")
    return project


@pytest.fixture(scope="module")
def first(origin: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A clone that was cross-validated, all of it committed, and what DVC said."""
    folder = tmp_path_factory.mktemp("of cross validation") / "clone"
    project = with_cross_validation(origin.clone(folder))
    printed = project.dvc(f"repro {PIPELINE}")
    project.git("add --all")
    project.commit("Results of three folds")
    return project, printed


@pytest.fixture
def project(first: tuple[Project, str], tmp_path: Path) -> Project:
    """A clone of it that has all outputs."""
    return first[0].clone(tmp_path / "clone")


def test_members_are_trained_and_the_single_model_is_not(first: tuple[Project, str]) -> None:
    project, printed = first
    members = [f"{stage}@{member}" for stage in ("member", "predict") for member in MEMBERS]
    assert ran(printed) == sorted(["folds", *members, "out_of_fold", "ensemble"])
    assert UP_TO_DATE in project.dvc("status")
    assert project.git("status --porcelain") == ""


def test_each_training_cell_is_predicted_once(first: tuple[Project, str]) -> None:
    folder = first[0].folder
    rows = pd.read_csv(folder / METRICS / "predictions.csv").query("split == 'out_of_fold'")
    cells = pd.read_csv(folder / "data/splits/cells.csv")
    assert sorted(rows["image"]) == sorted(cells["image"])


def test_no_state_of_a_member_is_left_once_it_is_recorded(first: tuple[Project, str]) -> None:
    project, _ = first
    states = Path(project.environment.get("TRAIN_STATE_DIR") or project.folder / ".train_state")
    marks = (json.loads(mark.read_text()) for mark in states.glob("*/finished.json"))
    assert [mark["stage"] for mark in marks if mark["stage"].startswith("member@")] == []


def test_another_seed_of_the_single_training_runs_nothing(project: Project) -> None:
    project.set_param("profiles.synthetic.train.seed", 5)
    assert ran(project.dvc(f"repro {PIPELINE}")) == []


def test_another_split_runs_nothing_but_the_folds(project: Project) -> None:
    project.set_param("profiles.synthetic.split.seed", 5)
    assert ran(project.dvc(f"repro {PIPELINE}")) == ["folds", "out_of_fold", "split"]


def test_another_threshold_measures_again(project: Project) -> None:
    project.set_param("profiles.synthetic.evaluate.threshold", 0.4)
    assert ran(project.dvc(f"repro {PIPELINE}")) == ["out_of_fold"]


def test_an_experiment_with_another_seed_trains_its_members_alone(project: Project) -> None:
    change = ("-S", "cross_validation.seeds=[1,2]")
    printed = project.run("dvc", "exp", "run", "--name", "two", *change, PIPELINE)
    members = [f"{stage}@{fold}-2" for stage in ("member", "predict") for fold in (1, 2, 3)]
    assert ran(printed) == sorted([*members, "out_of_fold", "ensemble"])
    shown = json.loads(project.dvc("metrics diff --json HEAD"))
    assert any("standard_deviation" in key for key in next(iter(shown.values())))
    assert "seeds" in project.dvc("params diff HEAD")
    compared = json.loads(project.dvc("plots diff --json HEAD"))
    assert any("cross_validation/metrics/roc.csv" in name for name in compared["data"])

    project.git("checkout -- params.yaml")
    assert "Removed cross_validation/predictions/fold-1-seed-2" in project.dvc(f"repro {PIPELINE}")
    assert project.git(f"status --porcelain --untracked-files=no {METRICS}") == ""


def test_a_killed_member_goes_on_to_the_same_bytes(project: Project, tmp_path: Path) -> None:
    states = tmp_path / "states"
    project = project.with_variables({"TRAIN_STATE_DIR": str(states)})
    expected = outputs(project)
    again = ("repro", "--force", "--single-item", f"{PIPELINE}:member@2-1")
    run = project.start("dvc", *again)
    while run.poll() is None and not list(states.glob("*/checkpoint-*")):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert "Resumed after" in project.run("dvc", *again)
    assert outputs(project) == expected


def test_push_and_pull_carry_the_members(project: Project, tmp_path: Path) -> None:
    remote = str(tmp_path / "remote")
    project.run("dvc", "remote", "add", "--force", "--default", "carried", remote)
    project.commit("Another remote")
    project.dvc("push")
    other = project.clone(tmp_path / "elsewhere", pulled=False)
    other.dvc("pull")
    assert UP_TO_DATE in other.dvc("status")
    for member in MEMBERS:
        fold, seed = member.split("-")
        name = f"cross_validation/members/fold-{fold}-seed-{seed}/model.keras"
        assert (other.folder / name).read_bytes() == (project.folder / name).read_bytes()


def test_where_it_was_not_run_the_single_pipeline_is_pulled_by_its_name(
    origin: Project, tmp_path: Path
) -> None:
    project = with_cross_validation(origin.clone(tmp_path / "clone"))
    project.run("dvc", "remote", "add", "--force", "--default", "carried", str(tmp_path / "remote"))
    project.commit("Another remote")
    project.dvc("push")
    other = project.clone(tmp_path / "elsewhere", pulled=False)
    other.dvc("pull dvc.yaml")
    assert UP_TO_DATE in other.dvc("status dvc.yaml")
