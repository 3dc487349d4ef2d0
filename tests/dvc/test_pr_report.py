"""`make pr-report` in a clone as CI makes it, and what CI does before."""

from __future__ import annotations

import re

import pytest
import yaml
from PIL import Image

from tests.conftest import ROOT
from tests.dvc.project import RATE, Project, make

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/pull-request.yml").read_text())
COMMENT_LIMIT = 65_536
"""Characters that GitHub takes in one comment."""


@pytest.fixture(scope="module")
def pull_request(forked: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """X in a clone of one commit, with nothing pulled and without main."""
    folder = tmp_path_factory.mktemp("of request") / "clone"
    return forked.clone(folder, "--branch", "X", "--depth", "1", pulled=False)


@pytest.fixture(scope="module")
def report(pull_request: Project) -> str:
    printed = make(pull_request, "pr-report", "BASE=main")
    assert "pr-report/report.md" in printed
    return (pull_request.folder / "pr-report/report.md").read_text(encoding="utf-8")


def test_the_report_has_intervals_parameters_figures_and_plots(report: str) -> None:
    headings = re.findall(r"^## (.+)$", report, re.MULTILINE)
    assert headings == ["What changes against main", "Parameters", "Metrics", "Plots"]
    assert re.search(r"\*\*Data: synthetic. main → workspace: 48 test cells of", report)
    assert re.search(r"\| log loss +\| .+ … ", report)
    assert re.search(rf"\| {re.escape(RATE)} +\| 0.002 +\| 0.003 ", report)
    assert re.search(
        r"\| metrics/test.json +\| test.log_loss +\| 0\.\d{3,6} +\| 0\.\d{3,6} ", report
    )


def test_the_report_fits_into_a_comment(report: str) -> None:
    assert len(report) < COMMENT_LIMIT


def test_each_plot_is_a_picture_with_something_in_it(report: str, pull_request: Project) -> None:
    folder = pull_request.folder / "pr-report"
    linked = re.findall(r"^!\[[^]]+\]\(([^)]+\.png)\)$", report, re.MULTILINE)
    assert {file.name for file in folder.glob("*.png")} == set(linked)
    assert {"loss.png", "accuracy.png", "metrics_roc_csv.png"} <= set(linked)
    for name in linked:
        with Image.open(folder / name) as picture:
            colours = picture.convert("HSV").getcolors(maxcolors=2**24)
        assert sum(count for count, (_, saturation, _) in colours if saturation > 60) > 100, name


def test_nothing_of_the_report_gets_into_git(report: str, pull_request: Project) -> None:  # noqa: ARG001
    assert pull_request.run("git", "status", "--porcelain") == ""


def test_a_base_that_is_nowhere_is_named(pull_request: Project) -> None:
    output = make(pull_request, "pr-report", "BASE=mian", code=2)
    assert "couldn't find remote ref mian" in output


def test_what_is_committed_belongs_together_where_nothing_is_pulled(pull_request: Project) -> None:
    assert "dvc.lock and metrics are those of this code" in make(pull_request, "locked")


def test_a_stale_lock_is_named(pull_request: Project) -> None:
    pull_request.set_param(RATE, 0.001)
    try:
        output = make(pull_request, "locked", code=2)
    finally:
        pull_request.run("git", "checkout", "--quiet", "params.yaml")
    assert "train: params.yaml is modified (profiles.synthetic.train)" in output


def test_the_experiments_are_shown_by_make(pull_request: Project) -> None:
    assert make(pull_request, "experiments").startswith("experiment")


def test_the_steps_of_the_workflow_are_targets_of_the_makefile() -> None:
    (job,) = WORKFLOW["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    made = [command for command in commands if command.startswith("make ")]
    assert [command.split()[1] for command in made] == ["test", "locked", "pr-report", "verify"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {command.split()[1] for command in made} <= set(targets)
    installs, posts = (command for command in commands if command not in made)
    assert "apt-get install --yes qemu-user" in installs
    # A machine on which the bytes differ keeps nobody from reading the report.
    assert commands.index(posts) < commands.index("make verify")
    assert all("${{" not in command for command in commands)  # no text of others in a shell
