from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.compare.experiments import changes, main, table

RATE = "profiles.synthetic.train.learning_rate"
CROP = "profiles.synthetic.preprocess.crop_size"


def row(name: str | None, *, rev: str = "1234567", **values: Any) -> dict[str, Any]:
    """A row as `dvc.api.exp_show` gives it."""
    return {
        "Experiment": name,
        "rev": rev,
        "typ": "branch_commit" if name else "baseline",
        "State": None,
        "test.accuracy": 0.9,
        "models/model.keras": "abc",
        RATE: 0.002,
        CROP: 320.0,
        "profiles.synthetic.train.deterministic": "True",
    } | values


WORKSPACE, MAIN = row(None, rev="workspace"), row(None, rev="main")


def test_an_experiment_stands_with_what_it_changed_and_its_figures() -> None:
    text = table([WORKSPACE, MAIN, row("sober-gull", **{RATE: 0.003, "test.accuracy": 0.25})])

    lines = [line.split() for line in text.splitlines()]
    assert lines[2][:2] == ["main", "0.900"]
    assert lines[3][:3] == ["sober-gull", "train.learning_rate=0.003", "0.250"]
    assert lines[4][:2] == ["workspace", "0.900"]


def test_each_experiment_is_held_against_the_commit_that_it_started_from() -> None:
    older = row(None, rev="older", **{RATE: 0.001})

    text = table([MAIN, row("one"), older, row("two"), row("three", **{RATE: 0.001})])

    assert [line.split()[:2] for line in text.splitlines()[5:]] == [
        ["two", "train.learning_rate=0.002"],
        ["three", "0.900"],
    ]


@pytest.mark.parametrize("value", ["!", "None", None])
def test_a_metric_that_is_no_number_is_none(value: object) -> None:
    text = table([MAIN, WORKSPACE | {"test.accuracy": value}])
    assert text.splitlines()[-1].split() == ["workspace", "–", "–", "–"]


def test_each_external_set_has_a_column() -> None:
    auc = {"test.roc_auc": 0.5, "zurich_2.roc_auc": 0.75, "test.intervals.roc_auc": "[0, 1]"}

    lines = [line.split() for line in table([MAIN, row("one", **auc)]).splitlines()]

    assert lines[1][-1] == "zurich_2"
    assert lines[3][-2:] == ["–", "–"]
    assert lines[4] == ["one", "0.900", "0.500", "–", "0.750"]


def test_a_cross_validation_has_its_mean_and_deviation_over_seeds() -> None:
    several = {
        "out_of_fold.accuracy": 0.8449,
        "out_of_fold.roc_auc": 0.9,
        "out_of_fold.standard_deviation.accuracy": 0.0121,
        "out_of_fold.standard_deviation.roc_auc": 0.01,
        "cross_validation.folds": 5.0,
    }
    one = {"out_of_fold.accuracy": 0.8, "out_of_fold.standard_deviation.accuracy": None}

    lines = table([MAIN, row("one", **one), row("two", **several)]).splitlines()

    assert lines[0].split("  ")[-1].strip() == "out of fold"
    assert lines[1].split() == ["accuracy"]
    assert lines[3].split()[-1] == "–"
    assert lines[4].split()[-1] == "0.800"
    assert lines[5].split("  ")[-1].strip() == "0.845 ± 0.012"
    assert "cross_validation.folds=5" in lines[5]
    assert "out of fold" not in table([MAIN, row("one")])


@pytest.mark.parametrize(
    ("value", "written"),
    [(300.0, "300"), (0.5, "0.5"), ("None", "null"), ("False", "false"), ("text", "text")],
)
def test_a_parameter_is_written_as_in_params_yaml(value: object, written: str) -> None:
    assert changes(MAIN, row("one", **{CROP: value})) == [f"preprocess.crop_size={written}"]


def test_neither_metrics_nor_files_are_changes() -> None:
    other = {"test.accuracy": 0.1, "models/model.keras": "xyz", "seed_of_something": 1.0}

    assert changes(MAIN, row("one", **other)) == []
    assert changes(MAIN, row("one", profile="cnmc")) == ["profile=cnmc"]


@pytest.mark.parametrize("state", ["Queued", "Running", "Failed"])
def test_what_is_not_there_yet_says_so_and_has_no_figures(state: str) -> None:
    unfinished = row("one", State=state, **{"test.accuracy": None})

    line = table([MAIN, unfinished]).splitlines()[3]

    assert line.split()[:3] == ["one", f"({state.lower()})", "–"]
    assert "(" not in table([MAIN, row("one", State="Success")])


@pytest.mark.integration
def test_outside_a_project_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main() == 2

    told = capsys.readouterr().err
    assert told.startswith("experiments: this folder lies in no git repository; clone")
    assert told.count("\n") == 1
