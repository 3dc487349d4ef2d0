from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.compare.__main__ import main
from tests.conftest import ROOT

from .conftest import (
    CommitFiles,
    better,
    cells,
    git,
    noisier,
    seeds_of,
    write_cross_validation,
    write_metrics,
)

CELLS = cells()


@pytest.fixture
def two_branches(commit: CommitFiles) -> None:
    """Commit main, and `surer`, on which the model is better."""
    commit("main", CELLS)
    commit("surer", better(CELLS, by=2))


@pytest.mark.usefixtures("two_branches")
def test_a_comparison_is_printed_in_every_encoding(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages.compare", "main", "surer"],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "95 % interval" in done.stdout


@pytest.mark.usefixtures("two_branches")
def test_two_branches_of_a_real_repository_are_compared_from_the_command_line(
    repository: Path,
) -> None:
    before = git(repository, "status", "--porcelain")
    done = subprocess.run(
        [sys.executable, "-m", "stages.compare", "main", "surer"],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    first, _, heading = done.stdout.splitlines()[:3]
    assert first.startswith("One training of each: only the test cells' chance is in these figures")
    assert heading == "Data: synthetic. main → surer: 160 test cells of 16 subjects"
    assert "better" in done.stdout
    assert done.stderr == ""
    assert git(repository, "status", "--porcelain") == before


@pytest.mark.usefixtures("two_branches")
def test_with_one_revision_the_workspace_is_compared_with_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_metrics(repository, noisier(CELLS, noise=1))

    assert main(["main", "--md"]) == 0

    assert "main → workspace" in capsys.readouterr().out


@pytest.mark.usefixtures("two_branches")
def test_json_carries_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["main", "surer", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["log_loss"]["verdict"] == "better"
    assert found["new"]["revision"] == "surer"


@pytest.mark.parametrize(
    ("revisions", "code"),
    [(["surer", "main"], 1), (["main", "surer"], 0), (["main", "main"], 0)],
)
@pytest.mark.usefixtures("two_branches")
def test_a_worse_metric_fails_only_where_asked(
    capsys: pytest.CaptureFixture[str],
    revisions: list[str],
    code: int,
) -> None:
    assert main(revisions) == 0
    assert main([*revisions, "--fail-if-worse", "accuracy"]) == code

    said = capsys.readouterr().err
    assert said.startswith("compare: accuracy is worse in main: ") if code else said == ""


def test_a_difference_that_may_be_chance_does_not_fail(commit: CommitFiles) -> None:
    commit("main", CELLS)
    slightly = CELLS.copy()
    slightly.loc[slightly["subject"] == "1", "p_all"] = 0.01
    commit("slightly", slightly)

    assert main(["main", "slightly", "--fail-if-worse", "sensitivity"]) == 0


def test_other_test_cells_are_an_error_and_with_common_a_warning(
    commit: CommitFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("main", CELLS)
    commit("fewer", CELLS.iloc[5:])

    assert main(["main", "fewer"]) == 2
    assert "were not measured on the same test cells: of 160 and 155" in capsys.readouterr().err
    assert main(["main", "fewer", "--common"]) == 0
    assert "NOT THE SAME TEST CELLS: 5 of main and 0 of fewer" in capsys.readouterr().out


def test_what_cannot_be_judged_is_an_error(
    commit: CommitFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    few = cells(subjects=3)
    commit("main", few)
    commit("other", better(few, by=2))

    assert main(["main", "other"]) == 0
    assert main(["main", "other", "--fail-if-worse", "accuracy"]) == 2
    assert "--fail-if-worse accuracy cannot be judged: no intervals" in capsys.readouterr().err


@pytest.fixture
def cross_validated_branches(repository: Path) -> None:
    """Commit main and `surer`, cross-validated with two seeds each; surer is the better."""
    for branch, table in (("main", CELLS), ("surer", better(CELLS, by=2))):
        if branch != "main":
            git(repository, "switch", "--quiet", "--create", branch)
        write_cross_validation(repository, seeds_of(table, 1, 2))
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", f"Cross-validate {branch}")


@pytest.mark.usefixtures("cross_validated_branches")
def test_cross_validations_are_compared_over_their_seeds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["main", "surer", "--part", "out_of_fold"]

    assert main(given) == 0
    told = capsys.readouterr().out
    assert told.startswith("Data: synthetic. main (seeds 1, 2) → surer (seeds 1, 2): 160 out-of-f")
    assert main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["roc_auc"]["verdict"] == "better"
    assert "operating_sensitivity" in found["metrics"]
    assert set(found["metrics"]["brier"]["standard_deviation"]) == {
        *("subjects", "seeds", "left_over")
    }
    assert main(["surer", "main", *given[2:], "--fail-if-worse", "accuracy"]) == 1


@pytest.mark.usefixtures("two_branches")
def test_without_a_cross_validation_the_remedy_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["main", "--part", "out_of_fold"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("compare: main has no cross_validation/metrics/predictions.csv; run ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["main", "--fail-if-worse", "beauty"]])
def test_a_wrong_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
    assert "usage: python -m stages.compare" in capsys.readouterr().err
