"""What a killed `dvc exp run` leaves in the workspace, who says so, and the recipe against it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import commands, section
from tests.dvc.project import Project, user_environment

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    params: [rate, epochs]
    outs: [model]
"""
TRAIN = """\
import pathlib, time
from stages.common.killed_experiment import left_by_killed_experiment
print("left:", left_by_killed_experiment(), flush=True)
while pathlib.Path("wait").exists():
    time.sleep(0.01)
pathlib.Path("model").write_text(pathlib.Path("params.yaml").read_text())
"""
EXPERIMENT = ("dvc", "exp", "run", "-S")
NOTHING = "left: None\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A pipeline of one quick stage, committed on main."""
    environment = user_environment(tmp_path / "settings", home=tmp_path)
    project = Project(tmp_path / "clone", environment | {"PYTHONPATH": str(ROOT)})
    files = {
        ".dvc/config": "[core]\n    autostage = true\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".gitignore": "/model\n/wait\n",
        "dvc.yaml": PIPELINE,
        "params.yaml": "rate: 1\nepochs: 1\n",
        "train.py": TRAIN,
    }
    for name, text in files.items():
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text(text)
    project.git("init --quiet --initial-branch=main")
    project.git("add --all")
    project.commit("Start")
    return project


@pytest.fixture
def killed(project: Project, tmp_path: Path) -> Project:
    """The same after the kill of an experiment."""
    (wait := project.folder / "wait").touch()
    process = project.start(*EXPERIMENT, "rate=2", log=(log := tmp_path / "log"))
    while NOTHING not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait.unlink()
    return project


def branch(project: Project) -> str:
    return project.git("branch --show-current").strip()


def test_stages_say_it_in_each_run_and_experiment_from_the_next_on(killed: Project) -> None:
    assert branch(killed) == ""
    said = "left: a killed `dvc exp run` has left HEAD on no branch, and its values in params.yaml"
    run = ("dvc", "repro", "--force")
    for command in ((*EXPERIMENT, "epochs=2"), run, (*EXPERIMENT, "epochs=3"), run):
        assert f"{said}: end what runs here, then `git switch main`" in killed.run(*command)
    assert "rate: 2" in (killed.folder / "params.yaml").read_text()
    assert branch(killed) == ""


@pytest.mark.parametrize(
    "command",
    ["stages.workspace.lock_check", "stages.workspace.relock", "stages.compare HEAD"],
)
def test_commands_beside_the_stages_say_it_too(killed: Project, command: str) -> None:
    said = killed.run("python", "-m", *command.split(), code=2).splitlines()
    assert "a killed `dvc exp run` has left HEAD on no branch" in said[0]
    assert len(said) == 2


def test_the_recipe_brings_branch_and_parameters_back(killed: Project) -> None:
    for recipe in commands(section("recipes.md", "After a kill of dvc itself"))[:2]:
        killed.run(*recipe.split())
    assert branch(killed) == "main"
    assert NOTHING in killed.run(*EXPERIMENT, "epochs=2")
    assert branch(killed) == "main"
    assert "rate: 1" in (killed.folder / "params.yaml").read_text()


def test_nothing_is_said_of_a_commit_that_the_user_has_chosen(project: Project) -> None:
    assert NOTHING in project.run(*EXPERIMENT, "rate=3")
    assert NOTHING in project.run(*EXPERIMENT, "rate=4", "--temp")
    project.git("checkout --quiet -- .")
    project.git("checkout --quiet --detach")
    assert NOTHING in project.dvc("repro --force")
    time.sleep(1)  # git and DVC count in seconds
    assert NOTHING in project.run(*EXPERIMENT, "rate=5")
    assert NOTHING in project.dvc("repro --force")


def test_nothing_is_said_where_there_is_no_git(project: Project) -> None:
    (project.folder / ".git").rename(project.folder / "not git")
    assert project.run("python", "train.py") == NOTHING
