from __future__ import annotations

from benchmarks.cross_validation import Cost, rows


def test_what_the_first_epoch_takes_longer_belongs_to_the_start() -> None:
    start, steps = rows(Cost(before=2.0, epochs=[13.0, 10.0, 10.0, 10.0], total=46.0))
    assert start.ratio == (2 + 3 + 1) / 40
    assert steps.ratio == 46 / 40
    assert start.ways["graph"] == [3]
    assert start.ways["behind them"] == [1]
    assert (start.verdict, steps.verdict) == ("**missed**", "**missed**")
