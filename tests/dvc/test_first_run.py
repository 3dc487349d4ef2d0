"""The real `dvc repro`, the first and the next."""

from __future__ import annotations

import json
from pathlib import Path

from tests.dvc.project import STAGES, Project, stages_run
from tests.dvc.scene import Experiment


def test_one_command_runs_every_stage_and_says_what_was_made(
    first_run: tuple[Project, str],
) -> None:
    project, printed = first_run
    assert stages_run(printed) == STAGES
    for made in ("→ data/raw/cnmc.zip", "→ data/shards", "→ models/model.keras", "report.html"):
        assert made in printed
    report = json.loads((project.folder / "metrics/test.json").read_text())
    assert report["data"] == "synthetic"
    assert report["test"]["cells"] == 48
    assert "Data: synthetic" in project.run("python", "-m", "stages.workspace.repro_summary")


def test_git_knows_the_metrics_and_not_the_report(origin: Project) -> None:
    changed = set(origin.git("diff --name-only HEAD~1").split())
    assert "dvc.lock" in changed
    assert all(name.startswith("metrics/") for name in changed - {"dvc.lock"})
    assert "metrics/report.html" not in origin.git("ls-files")


def test_a_second_run_has_nothing_to_do(origin: Project) -> None:
    assert stages_run(origin.dvc("repro")) == []
    assert "up to date" in origin.dvc("status")


def test_a_changed_learning_rate_runs_train_and_evaluate_alone(experiment: Experiment) -> None:
    assert stages_run(experiment.finished) == ["train", "evaluate"]


def test_another_split_writes_no_pixels(origin: Project) -> None:
    """As `make leakage` runs it, which so shares its shards."""
    project = origin.beside("other split")
    for key, value in (("strategy", "subject"), ("seed", 7)):
        project.set_param(f"profiles.synthetic.split.{key}", value)
        assert stages_run(project.dvc("repro split preprocess")) == ["split"]


def test_one_switch_goes_from_the_built_in_cells_to_real_ones(
    origin: Project, real_sample: Path
) -> None:
    project = origin.beside("real")
    settings = {
        "profile": "cnmc",
        "profiles.cnmc.download.source": real_sample,
        "profiles.cnmc.download.weights": "none",
        "profiles.cnmc.preprocess.image_size": 32,
        "profiles.cnmc.train.optimizer": "SGD",
        "profiles.cnmc.train.epochs": 1,
    }
    switches = [part for key, value in settings.items() for part in ("-S", f"{key}={value}")]
    assert stages_run(project.run("dvc", "exp", "run", *switches)) == STAGES
    report = json.loads((project.folder / "metrics/test.json").read_text())
    assert report["data"] == "unverified archive in the layout of C-NMC 2019"
    assert report["test"]["cells"] == 174
    assert report["external"]["cells"] == 2
    assert "SYNTHETIC" not in (project.folder / "metrics/report.html").read_text()
