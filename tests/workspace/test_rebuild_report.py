from __future__ import annotations

import json

import pytest

from stages.workspace.rebuild_report import (
    SHOWN,
    Output,
    locked_outputs,
    machine_facts,
    machines_text,
    outputs_text,
)
from tests.conftest import ROOT

LOCK = """\
stages:
  split:
    outs:
    - path: cells.csv
      md5: abc
      size: 3
  report:
    cmd: makes nothing
  train:
    outs:
    - path: a.json
      md5: def
"""
MODEL = Output("abc", 1234)


def json_output(content: object) -> Output:
    return Output("md5 of this", 10, json.dumps(content).encode())


def lines(committed: Output, here: Output, path: str) -> list[str]:
    """What is said of one output that differs."""
    head, _, heading, _, *said = outputs_text({path: committed}, {path: here}).splitlines()
    assert head == "the same bytes: 0 of 1 outputs"
    assert heading.startswith("What differs, committed → here")
    return said


def test_the_outputs_of_all_stages_are_read_in_the_order_of_the_lock() -> None:
    found = locked_outputs(LOCK)
    assert found == {"cells.csv": Output("abc", 3), "a.json": Output("def")}
    assert list(found) == ["cells.csv", "a.json"]


def test_what_the_repository_ships_has_outputs_metrics_and_plots() -> None:
    found = locked_outputs((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    assert {"data/shards/training", "metrics/test.json", "metrics/roc.csv"} <= set(found)


@pytest.mark.parametrize(
    "lock", ["", "a: {", "stages: {split: {outs: [{path: cells.csv}]}}", "stages: []"]
)
def test_what_is_no_lock_is_an_error_in_one_line(lock: str) -> None:
    with pytest.raises(ValueError, match="not readable") as error:
        locked_outputs(lock)
    assert "\n" not in str(error.value)


def test_where_nothing_differs_one_line_says_so() -> None:
    outputs = {"model.keras": MODEL, "a.json": json_output({"accuracy": 0.9})}
    assert outputs_text(outputs, dict(outputs)) == "the same bytes: 2 of 2 outputs"


def test_json_is_compared_value_by_value_in_the_order_of_the_file() -> None:
    committed = json_output({"loss": 1, "test": {"accuracy": 0.5, "interval": [0, 1], "old": None}})
    here = json_output({"loss": 1, "test": {"accuracy": 0.25, "interval": [0, 2], "new": "x"}})
    assert lines(committed, here, "a.json") == [
        "a.json:",
        "  test.accuracy: 0.5 → 0.25",
        "  test.interval: [0, 1] → [0, 2]",
        "  test.old: null → absent",
        "  test.new: absent → x",
    ]


def test_values_in_a_list_of_tables_are_named_by_their_place() -> None:
    committed, here = (json_output({"subjects": [{"n": 1}, {"n": n}]}) for n in (2, 3))
    assert lines(committed, here, "a.json") == ["a.json:", "  subjects.1.n: 2 → 3"]


def test_of_many_values_the_first_are_shown_and_the_others_counted() -> None:
    committed, here = (json_output({str(i): sign for i in range(1100)}) for sign in "+-")
    said = lines(committed, here, "a.json")
    assert said[1] == "  0: + → -"
    assert said[-1] == f"  and {1100 - SHOWN:,} values more"
    assert len(said) == 1 + SHOWN + 1


def test_json_that_is_only_written_differently_is_told_from_other_values() -> None:
    committed, here = Output("x", 7, b'{"a":1}'), Output("y", 8, b'{"a": 1}')
    assert lines(committed, here, "a.json")[1:] == ["  the same values, written differently"]


def test_of_a_table_the_lines_that_differ_are_counted_and_the_first_is_shown() -> None:
    committed, here = Output("x", 1, b"a,b\n1,2\n3,4\n"), Output("y", 1, b"a,b\n1,5\n3,4\n7,8\n")
    assert lines(committed, here, "t.csv") == [
        "t.csv: 3 of 5 lines differ, the first is line 2: 1,2 → 1,5"
    ]


def test_of_what_is_not_in_git_size_and_hash_are_said() -> None:
    assert lines(MODEL, Output("def.dir"), "data") == [
        "data: 1,234 bytes (md5 abc) → size unknown (md5 def.dir)"
    ]


@pytest.mark.parametrize("path", ["a.json", "t.csv"])
def test_what_cannot_be_read_as_its_kind_is_said_by_size_and_hash(path: str) -> None:
    said = lines(Output("abc", 2, b"\xff{"), Output("def", 3, b"{"), path)
    assert said == [f"{path}: 2 bytes (md5 abc) → 3 bytes (md5 def)"]


def test_a_file_in_git_that_is_right_beside_a_wrong_hash_is_told() -> None:
    (said,) = lines(Output("abc", 2, b"{}"), Output("def", 2, b"{}"), "a.json")
    assert said.startswith("a.json: the file in git has the bytes made here, dvc.lock does not")


def test_a_file_in_git_that_is_wrong_beside_a_right_hash_differs() -> None:
    committed, here = Output("abc", 8, b'{"a": 1}'), Output("abc", 8, b'{"a": 2}')
    assert lines(committed, here, "a.json") == ["a.json:", "  a: 1 → 2"]


def test_an_output_of_one_side_alone_differs() -> None:
    text = outputs_text({"old": MODEL, "kept": MODEL}, {"kept": MODEL, "new": MODEL})
    assert text.startswith("the same bytes: 1 of 3 outputs\n")
    assert "\nnew: made here, but not in dvc.lock of the commit\n" in text
    assert text.endswith("\nold: in dvc.lock of the commit, but no stage makes it")


def test_of_the_machines_each_fact_is_said_and_what_is_not_recorded() -> None:
    report = {"device": "CPU", "tensorflow": "2.21.0", "val_loss": 1.5}
    run = {
        "seconds": 9,
        "machine": {
            "cores": 2,
            "instruction_sets": ["avx2", "fma"],
            "environment": {"XLA_FLAGS": "a"},
        },
    }
    text = machines_text(machine_facts(report, {}), machine_facts(report | {"device": "GPU"}, run))
    assert text.splitlines()[1:] == [
        "  cores: not recorded → 2",
        "  device: CPU → GPU",
        "  environment.XLA_FLAGS: not recorded → a",
        '  instruction_sets: not recorded → ["avx2", "fma"]',
        "  processor: not recorded (both)",
        "  tensorflow: 2.21.0 (both)",
    ]


def test_a_machine_in_the_report_itself_is_read_too() -> None:
    assert machine_facts({"machine": {"cores": 4}}, {}) == {"cores": "4"}


def test_a_machine_of_another_form_is_not_recorded() -> None:
    assert machine_facts({"machine": "a laptop"}, {"machine": None}) == {}
