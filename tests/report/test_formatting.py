from __future__ import annotations

import pytest

from stages.report.formatting import (
    as_columns,
    as_figure,
    as_interval,
    as_percent,
    as_percent_interval,
    as_rows,
    as_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (10_661, "10,661"),
        (0.98512, "0.985"),
        (0.00025, "0.00025"),
        (0.0, "0"),
        (["all", 2], "all, 2"),
        ("EfficientNetB3", "EfficientNetB3"),
    ],
)
def test_values_read_well(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.04591, "0.046"), (0.0, "0.000"), (7, "7")])
def test_figures_have_as_many_decimals_as_their_neighbours(value: object, text: str) -> None:
    assert as_figure(value) == text


def test_shares_read_as_percent() -> None:
    assert as_percent(0.95125) == "95.1\N{NO-BREAK SPACE}%"
    assert as_percent(None) == "–"


def test_intervals_read_as_such_and_none_as_a_dash() -> None:
    assert as_interval([0.9, 1.0]) == "0.900 to 1.000"
    assert as_percent_interval([0.9125, 1.0]) == "91.2 to 100.0\N{NO-BREAK SPACE}%"
    assert as_interval(None) == as_percent_interval(None) == "–"


def test_nested_reports_become_rows() -> None:
    assert as_rows({"a_b": {"c": {"d": 1}}, "e": []}) == [("a b: c: d", "1"), ("e", "")]


def test_sections_lie_side_by_side_and_gaps_stay_gaps() -> None:
    sections = {"train": {"cells": 7, "all_share": 0.5}, "external": {"cells": 0}}

    assert as_columns(sections) == [("cells", ["7", "0"]), ("all share", ["0.500", "–"])]
