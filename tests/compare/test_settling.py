from __future__ import annotations

import numpy as np
import pytest

from stages.compare.settling import more_to_settle
from stages.statistics.crossed_variance import CrossedVariance


def variance(*, subjects: float, seeds: float, left_over: float = 0.0) -> CrossedVariance:
    """Of 3 seeds a side and 40 subjects; the parts of the difference's standard deviation."""
    left = np.full(2, left_over**2 / 2)
    return CrossedVariance(
        np.array([subjects**2 + left_over**2]),
        np.array([40.0]),
        np.full(2, seeds**2 / 2) + left,
        left,
        np.array([3, 3]),
    )


def test_the_number_is_the_least_that_finds_the_difference() -> None:
    found = variance(subjects=0.01, seeds=0.02, left_over=0.005)

    more = more_to_settle(found, 0.04, subjects=40)

    assert more["seeds"] is not None
    assert found.with_seeds(found.seeds + more["seeds"]).finds(0.04)
    assert not found.with_seeds(found.seeds + more["seeds"] - 1).finds(0.04)


def test_no_number_of_seeds_settles_what_the_subjects_leave_open() -> None:
    more = more_to_settle(variance(subjects=0.02, seeds=0.001), 0.02, subjects=40)

    assert more["seeds"] is None
    # 40 subjects have a standard deviation of 0.02: (1.96 + 0.84)² times as many are needed.
    assert more["subjects"] == pytest.approx(40 * (2.8**2 - 1), rel=0.05)


def test_no_number_of_subjects_settles_what_the_seeds_leave_open() -> None:
    more = more_to_settle(variance(subjects=0.001, seeds=0.02), 0.02, subjects=40)

    assert more["subjects"] is None
    assert more["seeds"] == pytest.approx(3 * (2.8**2 - 1), abs=3)


def test_nothing_settles_a_difference_of_nothing() -> None:
    found = variance(subjects=0.01, seeds=0.01)

    assert more_to_settle(found, 0.0, subjects=40) == {"seeds": None, "subjects": None}


def test_of_subjects_that_are_not_known_no_number_is_named() -> None:
    assert more_to_settle(variance(subjects=0.02, seeds=0), 0.02, subjects=None)["subjects"] is None
