"""The second pipeline, by the real DVC: folds and members, changed, killed, compared and shared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.dvc.cross_validated import MEMBERS, PIPELINE, ran, with_cross_validation
from tests.dvc.project import Project
from tests.dvc.scene import UP_TO_DATE

METRICS = Path("cross_validation/metrics")


@pytest.fixture
def project(cross_validated: tuple[Project, str], tmp_path: Path) -> Project:
    """A clone of it that has all outputs."""
    return cross_validated[0].clone(tmp_path / "clone")


def test_members_are_trained_and_the_single_model_is_not(
    cross_validated: tuple[Project, str],
) -> None:
    project, printed = cross_validated
    members = [f"{stage}@{member}" for stage in ("member", "predict") for member in MEMBERS]
    assert ran(printed) == sorted(["folds", *members, "out_of_fold", "ensemble"])
    assert UP_TO_DATE in project.dvc("status")
    assert project.git("status --porcelain") == ""


def test_each_training_cell_is_predicted_once(cross_validated: tuple[Project, str]) -> None:
    folder = cross_validated[0].folder
    rows = pd.read_csv(folder / METRICS / "predictions.csv").query("split == 'out_of_fold'")
    cells = pd.read_csv(folder / "data/splits/cells.csv")
    assert sorted(rows["image"]) == sorted(cells["image"])


def test_no_state_of_a_member_is_left_once_it_is_recorded(
    cross_validated: tuple[Project, str],
) -> None:
    project, _ = cross_validated
    states = Path(project.environment.get("TRAIN_STATE_DIR") or project.folder / ".train_state")
    marks = (json.loads(mark.read_text()) for mark in states.glob("*/finished.json"))
    assert [mark["stage"] for mark in marks if mark["stage"].startswith("member@")] == []


def test_another_seed_of_the_single_training_runs_nothing(project: Project) -> None:
    project.set_param("profiles.synthetic.train.seed", 5)
    assert ran(project.dvc(f"repro {PIPELINE}")) == []


def test_another_split_runs_nothing_but_the_folds(project: Project) -> None:
    project.set_param("profiles.synthetic.split.seed", 5)
    assert ran(project.dvc(f"repro {PIPELINE}")) == ["folds", "out_of_fold", "split"]


def test_another_seed_trains_its_members_alone(project: Project) -> None:
    project.set_param("cross_validation.seeds", "[1, 2]")
    members = [f"{stage}@{fold}-2" for stage in ("member", "predict") for fold in (1, 2, 3)]
    changed = {stage.partition(":")[2] for stage in json.loads(project.dvc("status --json"))}
    assert changed == {*members, "out_of_fold", "ensemble"}


def test_what_a_removed_seed_has_left_is_removed(project: Project) -> None:
    left = project.folder / "cross_validation/predictions/fold-1-seed-2"
    shutil.copytree(left.with_name("fold-1-seed-1"), left)
    assert "Removed cross_validation/predictions/fold-1-seed-2" in project.dvc(f"repro {PIPELINE}")
    assert project.git(f"status --porcelain --untracked-files=no {METRICS}") == ""


def test_an_experiment_is_compared_by_dvc(project: Project) -> None:
    change = ("-S", "profiles.synthetic.evaluate.threshold=0.4")
    printed = project.run("dvc", "exp", "run", "--name", "another", *change, PIPELINE)
    assert ran(printed) == ["out_of_fold"]
    shown = json.loads(project.dvc("metrics diff --json HEAD"))
    assert "threshold" in shown["cross_validation/metrics/out_of_fold.json"]
    assert "threshold" in project.dvc("params diff HEAD")
    compared = json.loads(project.dvc("plots diff --json HEAD"))
    assert any("cross_validation/metrics/roc.csv" in name for name in compared["data"])


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
