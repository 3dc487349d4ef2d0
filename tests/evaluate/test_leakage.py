from __future__ import annotations

from stages.evaluate.leakage import leakage_warning, positive_counts


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
