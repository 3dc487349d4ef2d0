from __future__ import annotations

import json

import pandas as pd
import pytest

from stages.split.params import SplitParams
from stages.split.split_report import split_report

PARAMS = SplitParams("stratified", 0.25, 0.25, 123)
COLUMNS = ["member", "subject", "field", "label", "split"]
ROWS = [
    ("a", "1", 1, "all", "train"),
    ("b", "1", 2, "all", "train"),
    ("c", "2", 1, "all", "train"),
    ("d", "H1", 1, "hem", "train"),
    ("e", "3", 1, "all", "val"),
    ("f", "H2", 1, "hem", "val"),
    ("g", "4", 1, "all", "test"),
    ("h", "H3", 1, "hem", "test"),
]


def report(rows=ROWS, identical=()):
    cells = pd.DataFrame(rows, columns=COLUMNS).astype("str")
    return split_report(cells, PARAMS, identical=identical)


def test_a_split_without_leakage_is_described():
    part = {"cells": 2, "subjects": 2, "hem_share": 0.5, "all_share": 0.5}
    assert report() == {
        "strategy": "stratified",
        "train": {"cells": 4, "subjects": 3, "hem_share": 0.25, "all_share": 0.75},
        "val": part,
        "test": part,
        "deviation_points": {"size": 0, "class_share": 12.5},
        "test_cells_known_by": {"subject": 0, "field": 0},
        "leakage": {"subjects": 0, "fields": 0, "identical_images": 0},
        "near_identical_pairs": {"found": 0, "in_two_parts": 0},
    }


def test_pairs_that_look_the_same_are_counted():
    cells = pd.DataFrame(ROWS, columns=COLUMNS).astype("str")
    found = split_report(cells, PARAMS, identical=[], near_identical=[("a", "b"), ("a", "h")])
    assert found["near_identical_pairs"] == {"found": 2, "in_two_parts": 1}
    assert found["leakage"] == {"subjects": 0, "fields": 0, "identical_images": 0}


def test_what_one_unknown_subject_or_field_would_say_is_unknown():
    rows = [("i", "", 1, "all", "train"), *ROWS[1:]]
    found = report(rows)
    assert found["train"]["subjects"] is None
    assert found["test"]["subjects"] == 2
    assert found["leakage"]["subjects"] is None
    assert found["test_cells_known_by"] == {"subject": None, "field": 0}
    rows = [("i", "1", "", "all", "train"), *ROWS[1:]]
    assert report(rows)["leakage"] == {"subjects": 0, "fields": None, "identical_images": 0}


def test_a_part_of_another_size_than_asked_is_told_in_percentage_points():
    rows = [*ROWS, ("i", "5", 1, "all", "train"), ("j", "5", 1, "hem", "train")]
    assert report(rows)["deviation_points"] == {"size": 10, "class_share": 10}


@pytest.mark.parametrize("split", ["val", "test", "external"])
def test_a_subject_in_two_parts_is_leakage_and_so_is_its_field(split):
    rows = [*ROWS, ("i", "1", 3, "all", split)]
    assert report(rows)["leakage"] == {"subjects": 1, "fields": 0, "identical_images": 0}
    rows += [("j", "1", 1, "all", split), ("k", "1", 2, "all", split)]
    assert report(rows)["leakage"] == {"subjects": 1, "fields": 2, "identical_images": 0}


def test_a_field_number_of_two_subjects_is_two_fields():
    assert report()["leakage"]["fields"] == 0  # field 1 is in every part


@pytest.mark.parametrize(
    ("identical", "count"),
    [([["a", "b"]], 0), ([["a", "g"]], 1), ([["a", "e", "g"]], 1), ([["a", "g"], ["d", "f"]], 2)],
)
def test_an_image_is_counted_once_where_its_copies_are_in_several_parts(identical, count):
    assert report(identical=identical)["leakage"]["identical_images"] == count


def test_test_cells_known_from_training_are_told():
    rows = [*ROWS, ("i", "1", 3, "all", "test"), ("j", "1", 1, "all", "test")]
    assert report(rows)["test_cells_known_by"] == {"subject": 0.5, "field": 0.25}


def test_external_cells_do_not_count_towards_the_shares():
    rows = [*ROWS, *(("x", f"{number}", 1, "all", "external") for number in range(50, 60))]
    assert report(rows)["deviation_points"] == report()["deviation_points"]
    assert report(rows)["external"]["all_share"] == 1


def test_the_report_is_finite_json():
    assert json.loads(json.dumps(report(), allow_nan=False)) == report()
