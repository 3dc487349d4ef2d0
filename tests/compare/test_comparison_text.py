from __future__ import annotations

from typing import Any

import pytest

from stages.compare.comparison_text import comparison_text, gap_text
from stages.compare.differences import compare
from stages.compare.figure_text import figure, signed, span
from stages.compare.leakage_gap import gap
from stages.compare.pairs import pair

from .conftest import better, cells, measured, noisier

CELLS = cells()


def comparison(**changes: Any) -> dict[str, Any]:
    row = {
        "old": 0.9,
        "new": 0.8,
        "difference": -0.1,
        "interval": [-0.2, 0.04],
        "p_value": 0.123456,
        "verdict": "unresolved",
    }
    side = {
        "data": "synthetic",
        "archive": "a" * 64,
        "threshold": 0.5,
        "operating_threshold": None,
    }
    return {
        "chance": "test cells",
        "old": side | {"revision": "main"},
        "new": side | {"revision": "other"},
        "cells": 1210,
        "subjects": 50,
        "left_out": [0, 0],
        "metrics": {"roc_auc": row},
    } | changes


def test_the_table_stands_between_what_was_compared_and_what_to_mind() -> None:
    assert comparison_text(comparison(), markdown=False).splitlines() == [
        "One training of each: only the test cells' chance is in these figures, not that of "
        "another seed.",
        "",
        "Data: synthetic. main → other: 1,210 test cells of 50 subjects",
        "",
        "metric      main    other    difference    95 % interval      p",
        "--------  ------  -------  ------------  ---------------  -----  ----------",
        "roc auc    0.900    0.800        −0.100  −0.200 … +0.040  0.123  unresolved",
        "",
        "These cells cannot resolve differences of this size (± half the interval's width; one "
        "1.4 times as wide would be found in about 4 of 5 comparisons): roc auc −0.100 (± 0.120).",
        "",
        "One in twenty metrics of two equally good models would be told better or worse: name "
        "yours before you look.",
    ]


def over_seeds(**changes: Any) -> dict[str, Any]:
    """The result of comparing two cross-validations, with the rows of two metrics."""
    given = comparison(chance="test cells and trainings", part="out_of_fold", other_fold=0)
    row = given["metrics"]["roc_auc"]
    told = row | {
        "standard_deviation": {"subjects": 0.0612, "seeds": 0.0304, "left_over": 0.0102},
        "settle": {"seeds": None, "subjects": 1200},
    }
    given["metrics"] = {"accuracy": row, "roc_auc": told}
    for name, seeds in (("old", [1, 2]), ("new", [1, 2, 3])):
        given[name] |= {"seeds": seeds, "folds": 5}
    return given | changes


def test_over_seeds_the_variance_is_told_apart_and_what_would_settle() -> None:
    lines = comparison_text(over_seeds(), markdown=False).splitlines()

    assert lines[0] == (
        "Data: synthetic. main (seeds 1, 2) → other (seeds 1, 2, 3): "
        "1,210 out-of-fold cells of 50 subjects"
    )
    headings, _, row = lines[7:10]
    assert headings.split("  ")[0] == "metric"
    assert row.split() == ["roc", "auc", "0.061", "0.030", "0.010", "–", "+1,200"]
    assert lines[11].startswith("The standard deviation of the difference, told apart: between ")
    assert "The seeds of both sides count as independent" in lines[13]
    assert not any("These cells cannot resolve" in line for line in lines)


def test_what_is_resolved_needs_no_more() -> None:
    given = over_seeds()
    del given["metrics"]["roc_auc"]["settle"]

    for markdown in (False, True):
        assert comparison_text(given, markdown=markdown).count(" settled") == 2


def test_the_side_of_one_seed_is_named_in_the_first_line() -> None:
    given = over_seeds(chance="test cells")
    given["new"]["seeds"] = [7]

    lines = comparison_text(given, markdown=True).splitlines()

    assert lines[0].startswith("One training of other: only the test cells' chance is in these fig")
    assert lines[2].startswith("**Data: synthetic. main (seeds 1, 2) → other (seed 7): ")


def test_other_folds_and_cautions_are_said() -> None:
    given = over_seeds(other_fold=1100, caution=["With 2 seeds: so."])
    given["new"]["folds"] = 3

    text = comparison_text(given, markdown=False)

    assert (
        "NOT THE SAME FOLDS: 1,100 cells were tested in another one (5 folds in main, 3 in" in text
    )
    assert "\n\nWith 2 seeds: so.\n\n" in text


def test_without_subjects_the_text_says_that_the_intervals_are_too_narrow() -> None:
    given = comparison(subjects=None, too_narrow=["cells of one person are alike"])

    for markdown in (False, True):
        text = comparison_text(given, markdown=markdown)
        assert "1,210 test cells of subjects that are not known" in text
        assert (
            "READ WITH CARE: cells of one person are alike. For the same reason p is too small."
            in text
        )
    assert "READ WITH CARE" not in comparison_text(comparison(), markdown=False)


def test_markdown_has_a_heading_and_a_table_of_pipes() -> None:
    lines = comparison_text(comparison(), markdown=True).splitlines()

    assert lines[2].startswith("**Data: synthetic. main → other")
    assert lines[4].startswith("| metric")
    assert [cell.strip() for cell in lines[6].strip("|").split("|")] == [
        *["roc auc", "0.900", "0.800", "−0.100", "−0.200 … +0.040", "0.123", "unresolved"]
    ]


def test_a_resolved_difference_is_not_called_unresolvable() -> None:
    found = compare(pair(measured(CELLS), measured(better(CELLS, by=2)), common=False))

    text = comparison_text(found, markdown=False)

    assert "better" in text
    assert "accuracy +" not in text


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"left_out": [3, 1200]}, "NOT THE SAME TEST CELLS: 3 of main and 1,200 of other are left"),
        ({"undefined": ["no intervals: so"]}, "What is missing: no intervals: so."),
    ],
)
def test_what_the_reader_must_mind_is_said(change: dict[str, Any], note: str) -> None:
    assert note in comparison_text(comparison(**change), markdown=False)


def test_other_thresholds_archives_and_data_are_said() -> None:
    old = comparison()["old"] | {"operating_threshold": 0.61}
    other = old | {"data": "C-NMC", "archive": "b" * 64, "threshold": 0.4, "revision": "other"}

    text = comparison_text(comparison(old=old, new=other), markdown=False)

    assert "\n\nData: synthetic → C-NMC. " in text
    assert "The thresholds differ: 0.5 in main, 0.4 in other." in text
    assert "the thresholds that validation chose, 0.610 and 0.610." in text
    assert (
        "NOT THE SAME ARCHIVE: cells of the same name may be other images (sha256 aaaaaaaa" in text
    )


def test_the_gap_names_both_splits() -> None:
    found = gap(measured(CELLS), measured(noisier(cells(subjects=6), noise=3)))

    text = gap_text(found, markdown=False)

    assert text.startswith("Data: synthetic. Split by image → by subject, all else equal: 160 ")
    assert "160 test cells of 16 subjects → 120 test cells of 12 subjects" in text
    assert "accuracy" in text
    assert "independent" in text


@pytest.mark.parametrize(
    ("formatted", "text"),
    [
        (figure(None), "–"),
        (figure(-0.25), "−0.250"),
        (signed(0.0004), "+0.000"),
        (signed(None), "–"),
        (span(None), "–"),
        (span([-1, 0.5]), "−1.000 … +0.500"),
    ],
)
def test_numbers_read_well(formatted: str, text: str) -> None:
    assert formatted == text
