from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from stages.compare.__main__ import main as compare_main
from stages.compare.pr_report import main, write_report

from .conftest import CommitFiles, better, cells, seeds_of, write_cross_validation

CELLS = cells()


def test_other_test_cells_are_told_and_the_rest_of_the_report_is_there(
    repository: Path, commit: CommitFiles
) -> None:
    commit("main", CELLS)
    commit("other", cells(subjects=9, seed=4))

    text = write_report("main", repository / "report").read_text()

    assert "## What changes against main\n\nNo comparison with intervals: " in text
    assert "## Parameters\n\nNone differs." in text


def test_what_an_earlier_report_left_is_gone(repository: Path, commit: CommitFiles) -> None:
    commit("main", CELLS)
    commit("other", better(CELLS, by=1))
    (repository / "report").mkdir()
    (repository / "report/gone.png").touch()

    write_report("main", repository / "report")

    assert [file.name for file in (repository / "report").iterdir()] == ["report.md"]


def test_a_base_that_is_none_leaves_an_earlier_report_as_it_is(
    repository: Path, commit: CommitFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("main", CELLS)
    (repository / "report").mkdir()
    (repository / "report/report.md").touch()

    assert main(["mian", "report"]) == 2

    told = capsys.readouterr().err
    assert told.startswith(
        "pr-report: there is no 'mian' here (unknown Git revision 'mian'); expected"
    )
    assert (repository / "report/report.md").exists()


def test_without_subjects_the_report_says_that_its_intervals_are_too_narrow(
    repository: Path, commit: CommitFiles
) -> None:
    commit("main", CELLS.assign(subject=""))
    commit("other", better(CELLS, by=1).assign(subject=""))

    text = write_report("main", repository / "report").read_text()

    assert "READ WITH CARE: the intervals are by cell and too narrow: cells of one person" in text


def test_models_are_compared_on_each_external_set_too(
    repository: Path, commit: CommitFiles
) -> None:
    commit("main", both(CELLS, CELLS))
    commit("other", both(CELLS, better(CELLS, by=2)))
    results = repository / "metrics/test.json"
    measured = json.loads(results.read_text()) | {"test": {}, "zurich": {}}
    results.write_text(json.dumps(measured))

    text = write_report("main", repository / "report").read_text()

    assert "160 test cells of 16 subjects" in text
    assert "<summary>On the cells of zurich</summary>" in text
    assert "main → workspace: 160 zurich cells of 16 subjects" in text


def test_cross_validations_are_compared_where_both_sides_have_one(
    repository: Path, commit: CommitFiles
) -> None:
    commit("main", CELLS)
    write_cross_validation(repository, seeds_of(CELLS, 1, 2))

    assert "out of fold" not in write_report("main", repository / "report").read_text()

    commit("main", better(CELLS, by=1))
    write_cross_validation(repository, seeds_of(better(CELLS, by=1), 1, 2))
    text = write_report("main", repository / "report").read_text()
    assert "<summary>On every cell, out of fold</summary>" in text
    assert "**Data: synthetic. main (seeds 1, 2) → workspace (seeds 1, 2): 160 out-of-fold" in text


def test_the_command_compares_on_the_external_set_that_is_named(
    commit: CommitFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("main", both(CELLS, CELLS))
    commit("other", both(CELLS, better(CELLS, by=2)))

    assert compare_main(["main", "--part", "zurich", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["part"] == "zurich"
    assert found["metrics"]["accuracy"]["difference"] > 0
    assert compare_main(["main", "--part", "zürich"]) == 2
    told = capsys.readouterr().err
    assert "predictions.csv has no cells of zürich; expected one of test, zurich" in told


def both(test: pd.DataFrame, zurich: pd.DataFrame) -> pd.DataFrame:
    """Predictions of the test cells and of an external set whose images have the same names."""
    return pd.concat([test, zurich.assign(split="zurich")], ignore_index=True)
