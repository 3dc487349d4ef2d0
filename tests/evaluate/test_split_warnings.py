from __future__ import annotations

from stages.evaluate.split_warnings import (
    deviation_warning,
    external_warnings,
    leakage_warning,
    positive_counts,
    split_warnings,
)


def test_zeros_at_every_depth_give_no_warning() -> None:
    assert leakage_warning({"subjects": 0, "images": {"train_test": 0, "pairs": []}}) is None


def test_one_positive_count_at_any_depth_gives_the_warning() -> None:
    warning = leakage_warning({"subjects": 0, "identical_images": {"train_test": 1_099}})

    assert warning is not None
    assert "identical images train test: 1,099" in warning
    assert "not on new patients" in warning


def test_only_numbers_count() -> None:
    section = {"strategy": "stratified", "checked": True, "images": ["a.bmp"], "share": 0.5}

    assert positive_counts(section) == {"share": 0.5}


def test_parts_far_from_their_shares_give_a_warning() -> None:
    deviation = {"size": 10.4, "class_share": 28.2}
    warning = deviation_warning({"deviation_points": deviation})

    assert warning is not None
    assert "sizes by up to 10.4 and their class shares by up to 28.2 percentage points" in warning
    assert deviation_warning({"deviation_points": {"size": 2.0, "class_share": 1.9}}) is None


def test_both_warnings_stand_in_order() -> None:
    deviation = {"size": 0.1, "class_share": 2.1}
    first, second = split_warnings({"leakage": {"subjects": 1}, "deviation_points": deviation})

    assert "subjects: 1" in first
    assert "2.1 percentage points" in second
    quiet = {"size": 0.0, "class_share": 0.0}
    assert split_warnings({"leakage": {"subjects": 0}, "deviation_points": quiet}) == []


def test_pictures_of_training_in_an_external_set_give_a_warning() -> None:
    none = {"cells": 6, "images_in_training": 0, "images_like_training": 0}
    split = {"external": {"cells": 2}, "a": none, "b": none | {"images_like_training": 3}}
    assert external_warnings(split, ["external", "a", "b"]) == [
        "Of the 6 images of b, 0 are in the training set, too, and 3 look like one of it: its "
        "figures are not those of new cells."
    ]
