"""DVC experiments: beside the workspace, queued, killed and gone on with, shown, applied, kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import command, section
from tests.dvc.project import RATE, Project, stages_run
from tests.dvc.scene import Experiment

THRESHOLD = "profiles.synthetic.evaluate.threshold"
QUEUE = command(section("recipes.md", "Experiments"), "dvc exp run --queue").split()


@pytest.fixture(scope="module")
def queued(
    origin: Project,
    experiment: Experiment,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A clone with a grid of two learning rates and two thresholds in the queue."""
    project = origin.clone(tmp_path_factory.mktemp("of queued") / "clone")
    output = project.run(*QUEUE, "--name", "grid")
    assert output.count("Queued experiment") == 4
    return project


@pytest.fixture(scope="module")
def explored(queued: Project) -> Project:
    """The same after `dvc exp run --run-all`."""
    assert shown(queued).count("(queued)") == 4
    queued.run("dvc", "exp", "run", "--run-all")
    return queued


def shown(project: Project) -> str:
    return project.run("python", "-m", "stages.compare.experiments")


def name_of(project: Project, *changes: str) -> str:
    """The experiment that changes this and no more."""
    rows = re.split(r"\n(?=\S)", shown(project))
    found = [row.split()[0] for row in rows if set(re.findall(r"\S+=\S+", row)) == set(changes)]
    (name,) = [name for name in found if name.startswith("grid")]
    return name


def test_a_killed_experiment_goes_on_where_it_was(experiment: Experiment) -> None:
    assert "Running stage 'train'" in experiment.interrupted
    assert "Running stage 'evaluate'" not in experiment.interrupted
    done = r"(0 epochs and [1-5]|1 epochs and 0) steps"  # killed once a checkpoint is seen
    assert re.search(f"Resumed after {done}, from ", experiment.finished)
    assert stages_run(experiment.finished) == ["train", "evaluate"]


def test_an_experiment_beside_the_workspace_leaves_it_as_it_was(experiment: Experiment) -> None:
    assert "Ran experiment(s): better" in experiment.finished
    assert experiment.project.run("git", "status", "--porcelain") == ""
    assert "up to date" in experiment.project.run("dvc", "status")


def test_an_experiment_leaves_no_state_of_its_training(experiment: Experiment) -> None:
    states = Path(experiment.project.environment["TRAIN_STATE_DIR"])
    assert [path.name for path in states.iterdir()] == ["last_run.json"]


def test_a_killed_experiment_is_listed_as_running_until_its_folder_is_gone(
    experiment: Experiment,
) -> None:
    assert "Running" in experiment.project.run("dvc", "exp", "show")
    experiment.project.run("sh", "-c", "rm -r .dvc/tmp/exps")
    listed = experiment.project.run("dvc", "exp", "show")
    assert "Running" not in listed
    assert "better" in listed


def test_a_grid_is_shown_with_what_each_changed_in_the_width_of_a_terminal(
    explored: Project,
) -> None:
    table = shown(explored)
    lines = table.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["experiment", "changed", "accuracy", "roc", "auc", "log", "loss"]
    assert table.count("train.learning_rate=0.003") == table.count("evaluate.threshold=0.6") == 2
    assert lines[-1].startswith("workspace")
    assert "(" not in table


@pytest.mark.parametrize(
    ("change", "parameter", "figure", "trained_anew"),
    [
        ("evaluate.threshold=0.6", f"{THRESHOLD} +0.5 +0.6 ", "threshold +0.5 +0.6 ", False),
        ("train.learning_rate=0.003", f"{RATE} +0.002 +0.003 ", "test.log_loss ", True),
    ],
)
def test_an_experiment_differs_from_main_by_its_parameter_and_its_figures(
    explored: Project, change: str, parameter: str, figure: str, *, trained_anew: bool
) -> None:
    difference = explored.run(
        "dvc", "exp", "diff", "main", name_of(explored, change), "--precision", "8"
    )
    assert re.search(f"params.yaml +{parameter}", difference)
    assert re.search(f"metrics/test.json +{figure}", difference)
    assert ("metrics/train.json" in difference) == trained_anew


def test_an_applied_experiment_is_the_workspace(explored: Project) -> None:
    name = name_of(explored, "evaluate.threshold=0.6")
    explored.run("dvc", "exp", "apply", name)
    assert "threshold: 0.6" in (explored.folder / "params.yaml").read_text(encoding="utf-8")
    assert "up to date" in explored.run("dvc", "status")
    assert shown(explored).splitlines()[-1].split()[:2] == ["workspace", "evaluate.threshold=0.6"]
    explored.run("git", "reset", "--quiet", "--hard")
    explored.run("dvc", "checkout", "--quiet")
    assert "up to date" in explored.run("dvc", "status")


def test_an_experiment_becomes_a_branch(explored: Project) -> None:
    name = name_of(explored, "train.learning_rate=0.003", "evaluate.threshold=0.6")
    explored.run("dvc", "exp", "branch", name, "kept")
    explored.run("git", "switch", "--quiet", "kept")
    explored.run("dvc", "checkout", "--quiet")
    assert "up to date" in explored.run("dvc", "status")
    assert stages_run(explored.run("dvc", "repro")) == []
    explored.run("git", "switch", "--quiet", "main")
    explored.run("dvc", "checkout", "--quiet")
