from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.compare.comparison_text import gap_text
from stages.compare.leakage_gap import gap
from stages.statistics.metrics import measure
from tests.conftest import ROOT

from .conftest import (
    better,
    cells,
    git,
    measured,
    noisier,
    seeds_of,
    write_cross_validation,
    write_metrics,
)

CELLS = cells(subjects=10)


def test_the_gap_is_between_the_metrics_of_other_cells() -> None:
    by_subject = noisier(cells(subjects=7, seed=9), noise=3)

    found = gap(measured(CELLS), measured(by_subject))

    old, new = (measure(table, threshold=0.5) for table in (CELLS, by_subject))
    for name, row in found["metrics"].items():
        assert (row["stratified"], row["subject"]) == (old[name], new[name])
        assert row["gap"] == pytest.approx(new[name] - old[name], abs=1e-6)
    low, high = found["metrics"]["accuracy"]["interval"]
    assert low < found["metrics"]["accuracy"]["gap"] < high < 0
    json.dumps(found, allow_nan=False)


def test_the_interval_of_the_gap_is_wider_than_if_the_cells_were_the_same() -> None:
    low, high = gap(measured(CELLS), measured(CELLS))["metrics"]["accuracy"]["interval"]

    assert low < 0 < high
    assert high - low > 0.05


def test_too_few_subjects_on_one_side_leave_the_gap_without_an_interval() -> None:
    found = gap(measured(CELLS), measured(better(cells(subjects=3), by=-1)))

    assert found["metrics"]["accuracy"]["interval"] is None
    assert found["metrics"]["accuracy"]["gap"] < 0
    assert "3 of class all and 3 of class hem" in found["undefined"][0]


STAGE = """\
import json, shutil, sys
from pathlib import Path
import yaml
params = yaml.safe_load(Path("params.yaml").read_text())
strategy = params["profiles"][params["profile"]]["split"]["strategy"]
shutil.copy(f"{strategy}.csv", "metrics/predictions.csv")
Path("metrics/test.json").write_text(json.dumps({"data": "synthetic", "threshold": 0.5}))
Path("metrics/download.json").write_text(json.dumps({"sha256": "a"}))
"""


@pytest.fixture
def project(repository: Path) -> Path:
    """A DVC project whose only stage gives the predictions made before for each strategy."""
    shutil.copy(ROOT / "params.yaml", repository)
    CELLS.to_csv(repository / "stratified.csv", index=False)
    noisier(cells(subjects=7, seed=9), noise=3).to_csv(repository / "subject.csv", index=False)
    (repository / "stage.py").write_text(STAGE)
    (repository / "metrics").mkdir()
    outs = ["predictions.csv", "test.json", "download.json"]
    stage = {
        "cmd": f"{sys.executable} stage.py",
        "params": ["profile", "profiles"],
        "deps": ["stage.py", "stratified.csv", "subject.csv"],
        "metrics": [{f"metrics/{name}": {"cache": False}} for name in outs],
    }
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"all": stage}}))
    (repository / "metrics/.gitkeep").write_text("")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "A pipeline")
    return repository


MEMBERS = """\
import shutil
from pathlib import Path
import yaml
strategy = yaml.safe_load(Path("params.yaml").read_text())["cross_validation"]["strategy"]
for name in ("predictions.csv", "out_of_fold.json"):
    shutil.copy(f"{strategy}/cross_validation/metrics/{name}", "cross_validation/metrics")
"""


@pytest.fixture
def cross_validated(project: Path) -> Path:
    """The same with a second pipeline, of predictions out of fold."""
    tables = {"stratified": CELLS, "subject": noisier(CELLS, noise=3)}
    for strategy, table in tables.items():
        write_cross_validation(project / strategy, seeds_of(table, 1, 2), strategy=strategy)
    write_metrics(project, CELLS)
    (project / "members.py").write_text(MEMBERS)
    (project / "cross_validation/metrics").mkdir(parents=True)
    (project / "cross_validation/metrics/.gitkeep").write_text("")
    stage = {
        "wdir": "..",
        "cmd": f"{sys.executable} members.py",
        "params": ["cross_validation"],
        "deps": ["members.py", *tables],
        "metrics": [{"cross_validation/metrics/out_of_fold.json": {"cache": False}}],
        "plots": [{"cross_validation/metrics/predictions.csv": {"cache": False}}],
    }
    pipeline = project / "cross_validation/dvc.yaml"
    pipeline.write_text(yaml.safe_dump({"stages": {"out_of_fold": stage}}))
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "A second pipeline")
    return project


def test_by_cross_validation_the_gap_is_on_the_same_cells_over_all_seeds(
    cross_validated: Path,
) -> None:
    done = run(cross_validated, "--json", "--cross-validation")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert (found["cells"], found["subjects"]) == (200, 20)
    sides = [found[side] for side in ("old", "new")]
    assert [side["revision"] for side in sides] == ["by image", "by subject"]
    assert [side["seeds"] for side in sides] == [[1, 2], [1, 2]]
    row = found["metrics"]["accuracy"]
    assert row["difference"] < row["interval"][1] < 0
    assert git(cross_validated, "status", "--porcelain") == ""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.compare.leakage_gap", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_experiments_of_the_chosen_profile_run_and_the_workspace_stays_as_it_is(
    project: Path,
) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("profile: synthetic", "profile: cnmc"))
    before = git(project, "status", "--porcelain"), params.read_text()

    done = run(project, "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert found["stratified"] == {"cells": 200, "subjects": 20}
    assert found["subject"] == {"cells": 140, "subjects": 14}
    assert found["metrics"]["accuracy"]["gap"] < -0.05
    assert (git(project, "status", "--porcelain"), params.read_text()) == before


def test_a_second_run_of_the_shipped_profile_gives_the_same_again(project: Path) -> None:
    first, again = (run(project, "--md").stdout.partition("**Data: ")[2] for _ in range(2))

    assert first == again
    assert "Split by image → by subject" in first


def test_a_split_that_is_refused_for_want_of_subjects_costs_no_training(project: Path) -> None:
    (project / "stage.py").write_text(
        "from pathlib import Path\n"
        "if 'strategy: subject' in Path('params.yaml').read_text():\n"
        "    raise SystemExit('split: subjects are not known')\n"
        f"Path({str(project / 'trained')!r}).touch()\n"
    )

    done = run(project)

    assert done.returncode == 2
    assert "split: subjects are not known" in done.stderr
    assert not (project / "trained").exists()


def test_without_subjects_there_is_a_gap_and_no_interval() -> None:
    unknown = measured(CELLS.assign(subject=""))

    found = gap(unknown, unknown)

    assert found["stratified"] == {"cells": 200, "subjects": None}
    assert found["undefined"] == ["no intervals by subject: subjects are not known"]
    assert "200 test cells of subjects that are not known" in gap_text(found, markdown=False)


def test_a_stage_that_fails_ends_in_one_line_that_names_the_experiment(project: Path) -> None:
    (project / "stage.py").write_text("raise SystemExit(1)")

    done = run(project)

    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "leakage: the experiment profiles.synthetic.split.strategy=subject faile"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.integration
def test_without_a_pipeline_it_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("leakage: params.yaml is missing")
