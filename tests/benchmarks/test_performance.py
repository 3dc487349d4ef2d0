from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

import benchmarks.__main__ as bench
from benchmarks import (
    cross_validation,
    first_step,
    inputs,
    peak_memory,
    performance,
    preprocess,
    rows,
    training,
)
from benchmarks.cells import ROOT
from benchmarks.performance import Part, page, read_parts, write_performance
from benchmarks.reasons import REASONS
from benchmarks.rows import MET, MISSED, NO_TARGET, NOT_MEASURED, Row, read_rows, tell
from tests.benchmarks.test_training import SECONDS


def part(*rows: Row, load: float = 0.1) -> Part:
    return Part(load, 60, list(rows), bench.machine(), "abc")


FAST = Row("input", "the floor", "Two sizes.", 0.5, {"at_least": 0.3}, {"ours": [1, 2, 4]})
SLOW = Row("epoch", "the same steps", "Once.", 1.2, {"at_most": 1.05})


@pytest.mark.parametrize(
    ("ratio", "target", "verdict"),
    [
        (0.3, {"at_least": 0.3}, MET),
        (0.29, {"at_least": 0.3}, MISSED),
        (1.05, {"at_most": 1.05}, MET),
        (1.06, {"at_most": 1.05}, MISSED),
        (1.0, None, NO_TARGET),
        (None, {"at_least": 0.3}, NOT_MEASURED),
    ],
)
def test_a_target_is_met_from_its_bound_on(
    ratio: float | None, target: dict[str, float] | None, verdict: str
) -> None:
    assert Row("part", "other", "How.", ratio, target).verdict == verdict


def test_rows_are_written_read_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell([FAST, SLOW], tmp_path / "rows.json")
    assert read_rows(tmp_path / "rows.json") == [FAST, SLOW]
    assert "| input | the floor | ≥ 0.3 | 0.50 | met |" in capsys.readouterr().out
    assert rows.ways_text(FAST) == "ours 2.00 s (1.00 to 4.00)"


def test_the_page_says_why_a_target_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "REASONS", {("epoch", "the same steps"): "it is hard"})
    missing = Row("epoch", "PyTorch", "Once.", None, why="PyTorch is not installed")
    text = page({"inputs": part(FAST), "all": part(SLOW, load=2)})
    assert "| epoch | the same steps | ≤ 1.05 | 1.20 | **missed** |" in text
    assert "- **epoch**, against the same steps: it is hard." in text
    assert "- **input**, against the floor: Two sizes. ours 2.00 s (1.00 to 4.00)." in text
    assert "at commit abc. Load when each part began: inputs 0.1, all 2.0. It took 2 min" in text
    text = page({"all": part(missing, FAST)})
    assert "against PyTorch: PyTorch is not installed." in text
    assert "Nothing." in page({"inputs": part(FAST)})


def test_rows_of_two_commits_are_told_apart() -> None:
    text = page({"inputs": part(FAST), "all": dataclasses.replace(part(SLOW), commit="def")})
    assert "at commit abc. Load when each part began: inputs 0.1. It" in text
    assert "at commit def. Load when each part began: all 0.1. It" in text


def test_rows_that_are_not_asked_for_and_rows_of_a_part_that_fails_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "PARTS", ("kept", "no_such_part", "made"))
    write_performance(tmp_path, {"kept": part(FAST), "no_such_part": part(SLOW)})
    run = bench.run_part
    monkeypatch.setattr(
        bench, "run_part", lambda name, *given: part(SLOW) if name == "made" else run(name, *given)
    )
    with pytest.raises(SystemExit, match="failed, and left as they were there: no_such_part"):
        bench.main(["--parts", "no_such_part", "made", f"--docs={tmp_path}"])
    parts = read_parts(tmp_path / "performance.json")
    assert parts == {"kept": part(FAST), "no_such_part": part(SLOW), "made": part(SLOW)}


def test_the_commit_is_the_one_that_is_checked_out() -> None:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith(bench.commit().removesuffix(", changed"))


def test_each_reason_is_of_a_row_that_can_be_made() -> None:
    known = [
        *(
            (f"{preprocess.PART}, {name}", text)
            for name in (preprocess.BUILT_IN, preprocess.REAL)
            for text in (preprocess.FLOOR_TEXT, preprocess.PEER_TEXT)
        ),
        *((inputs.PART, against) for against in (inputs.GPU, *inputs.PEERS.values())),
        *((row.part, row.against) for row in training.rows(SECONDS, image_size=96, steps=6)),
        (first_step.PART, first_step.AGAINST),
        (cross_validation.START, cross_validation.TRAINING),
        (cross_validation.STEPS, cross_validation.EPOCHS),
        (peak_memory.part(peak_memory.IMAGE_SIZE), peak_memory.AGAINST),
    ]
    assert set(REASONS) <= set(known)


@pytest.mark.parametrize("part", bench.PARTS)
def test_every_part_is_a_module(part: str) -> None:
    assert (Path(bench.__file__).parent / f"{part}.py").is_file()
