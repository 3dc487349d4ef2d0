from __future__ import annotations

from pathlib import Path

import pytest

from stages.workspace.lock_check import changed, main, undefined
from stages.workspace.repro_summary import METRICS

WHOLE = {"test": dict.fromkeys(METRICS, 0.9)}


def found(status: dict[str, object]) -> list[str]:
    return list(changed(status, lambda path: path.startswith("data/")))


def test_what_git_ignores_may_be_missing() -> None:
    assert found({"split": [{"changed outs": {"data/cells.csv": "not in cache"}}]}) == []
    assert found({"train": [{"changed deps": {"data/shards": "deleted"}}]}) == []


@pytest.mark.parametrize(
    ("kind", "path", "state", "problem"),
    [
        ("changed outs", "data/cells.csv", "modified", "split: data/cells.csv is modified"),
        ("changed outs", "metrics/split.json", "deleted", "split: metrics/split.json is deleted"),
        ("changed deps", "stages/split", "modified", "split: stages/split is modified"),
        ("changed deps", "params.yaml", {"seed": "new"}, "split: params.yaml is new (seed)"),
    ],
)
def test_what_does_not_fit_is_named(kind: str, path: str, state: object, problem: str) -> None:
    assert found({"split": [{kind: {path: state}}]}) == [problem]


def test_a_changed_command_is_named() -> None:
    assert found({"split": ["changed command"]}) == ["split: changed command"]


@pytest.mark.parametrize(
    ("value", "written"), [(None, "null"), ("0.9", '"0.9"'), (float("nan"), "NaN")]
)
def test_a_main_figure_that_is_none_is_named(value: object, written: str) -> None:
    assert list(undefined(WHOLE)) == []
    (problem,) = undefined({"test": WHOLE["test"] | {"accuracy": value}})
    assert problem == f"metrics/test.json: test.accuracy is {written}, expected a number"
    assert len(list(undefined({}))) == len(METRICS)


def test_where_there_are_no_parameters_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main() == 2

    assert capsys.readouterr().err.startswith("locked: params.yaml is missing")
