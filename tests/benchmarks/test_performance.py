from __future__ import annotations

import json
from pathlib import Path

import pytest

import benchmarks.__main__ as bench
from benchmarks import performance, rows
from benchmarks.performance import Part, page, read_parts, write_performance
from benchmarks.rows import MET, MISSED, NO_TARGET, NOT_MEASURED, Row, read_rows, tell

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
    text = page(bench.machine(), {"inputs": Part(0.1, 60, [FAST]), "all": Part(2, 60, [SLOW])})
    assert "| epoch | the same steps | ≤ 1.05 | 1.20 | **missed** |" in text
    assert "- **epoch**, against the same steps: it is hard." in text
    assert "- **input**, against the floor: Two sizes. ours 2.00 s (1.00 to 4.00)." in text
    assert "inputs 0.1, all 2.0. It took 2 minutes" in text
    text = page(bench.machine(), {"all": Part(2, 60, [missing, FAST])})
    assert "against PyTorch: PyTorch is not installed." in text
    assert "Nothing." in page(bench.machine(), {"inputs": Part(0.1, 60, [FAST])})


def test_parts_that_are_not_asked_for_keep_their_rows_and_a_failed_one_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "PARTS", ("kept", "no_such_part"))
    write_performance(tmp_path, bench.machine(), {"kept": Part(0, 1, [FAST])})
    bench.main(["--parts", "no_such_part", f"--docs={tmp_path}"])
    parts = read_parts(tmp_path / "performance.json")
    assert list(parts) == ["kept", "no_such_part"]
    assert parts["kept"].rows == [FAST]
    [failed] = parts["no_such_part"].rows
    assert failed.verdict == NOT_MEASURED
    assert "`python -m benchmarks.no_such_part` ended with status 1" in failed.why
    assert json.loads((tmp_path / "performance.json").read_text())["machine"]["cores"] >= 1


@pytest.mark.parametrize("part", bench.PARTS)
def test_every_part_is_a_module(part: str) -> None:
    assert (Path(bench.__file__).parent / f"{part}.py").is_file()
