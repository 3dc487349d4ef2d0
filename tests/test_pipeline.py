"""The real `dvc repro` in a clone of its own, with parameters for which a minute is enough."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
TINY = {
    "download": {"synthetic_cells": 320},
    "preprocess": {"image_size": 32},
    "train": {"epochs": 1, "batch_size": 40},
}
STAGES = ["download", "split", "preprocess", "train", "evaluate"]


def run(folder: Path, *command: str) -> str:
    """Run a command of the environment that pytest runs in; return what it prints."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DVC_"))
    }
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Tester", f"GIT_{role}_EMAIL": "tester@example.org"}
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def change_params(clone: Path, changes: dict[str, dict[str, object]], *, model: str) -> None:
    path = clone / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["model"]["base"] = model
    for stage, values in changes.items():
        params["profiles"]["synthetic"][stage] |= values
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def stages_run(output: str) -> list[str]:
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows here, committed or not, in a repository of their own."""
    folder = tmp_path_factory.mktemp("pipeline") / "clone"
    listed = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    change_params(folder, TINY, model="EfficientNetB0")
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message=tiny")
    return folder


@pytest.fixture(scope="module")
def first_run(clone: Path) -> str:
    return run(clone, "dvc", "repro")


def test_one_command_runs_every_stage_and_says_what_was_made(clone: Path, first_run: str) -> None:
    assert stages_run(first_run) == STAGES
    for made in ("→ data/raw/cnmc.zip", "→ data/shards", "→ models/model.keras", "report.html"):
        assert made in first_run
    report = json.loads((clone / "metrics/test.json").read_text())
    assert report["data"] == "synthetic"
    assert report["test"]["cells"] == 48
    assert "Data: synthetic" in run(clone, "python", "-m", "stages.summary")


def test_nothing_that_git_should_not_know_is_left_behind(clone: Path, first_run: str) -> None:  # noqa: ARG001
    changed = {line[3:] for line in run(clone, "git", "status", "--porcelain").splitlines()}
    metrics = {name for name in changed if name.startswith("metrics/")}
    assert changed - metrics == {"dvc.lock"}
    assert "metrics/report.html" not in changed


def test_a_second_run_has_nothing_to_do(clone: Path, first_run: str) -> None:  # noqa: ARG001
    assert stages_run(run(clone, "dvc", "repro")) == []
    assert "up to date" in run(clone, "dvc", "status")


def test_a_changed_learning_rate_runs_train_and_evaluate_alone(
    clone: Path,
    first_run: str,  # noqa: ARG001
) -> None:
    run(clone, "git", "commit", "--all", "--quiet", "--message=results")
    change_params(clone, {"train": {"learning_rate": 0.01}}, model="EfficientNetB0")
    assert stages_run(run(clone, "dvc", "repro")) == ["train", "evaluate"]
    assert "learning_rate" in run(clone, "dvc", "params", "diff")
    difference = json.loads(run(clone, "dvc", "metrics", "diff", "--json"))
    assert "test.log_loss" in difference["metrics/test.json"]


def test_one_switch_goes_from_the_built_in_cells_to_real_ones(
    clone: Path,
    first_run: str,  # noqa: ARG001
    real_sample: Path,
) -> None:
    settings = {
        "profile": "cnmc",
        "profiles.cnmc.download.source": real_sample,
        "profiles.cnmc.download.weights": "none",
        "profiles.cnmc.preprocess.image_size": 32,
        "profiles.cnmc.train.epochs": 1,
    }
    switches = [part for key, value in settings.items() for part in ("-S", f"{key}={value}")]
    assert stages_run(run(clone, "dvc", "exp", "run", *switches)) == STAGES
    report = json.loads((clone / "metrics/test.json").read_text())
    assert report["data"] == "unverified archive in the layout of C-NMC 2019"
    assert report["test"]["cells"] == 174
    assert report["external"]["cells"] == 2
    assert "SYNTHETIC" not in (clone / "metrics/report.html").read_text()
