from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from stages.statistics.crossed_variance import CrossedVariance, crossed_variance
from stages.statistics.metrics import Floats

SUBJECTS = 12


def side(seeds: int, *, seed: int, of_seeds: float = 1.0, left_over: float = 1.0) -> Floats:
    """The value of each subject in each seed: (seeds, subjects)."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 1, SUBJECTS) + generator.normal(0, of_seeds, (seeds, 1))
    return shared + generator.normal(0, left_over, (seeds, SUBJECTS))


def with_and_without(subjects: Floats) -> Floats:
    """The mean over all subjects, then without each."""
    total = subjects.sum(axis=1, keepdims=True)
    return np.hstack([total / SUBJECTS, (total - subjects) / (SUBJECTS - 1)])


def variance(old: Floats, new: Floats) -> CrossedVariance:
    return crossed_variance(
        (with_and_without(old), with_and_without(new)),
        strata=np.zeros(SUBJECTS, np.int64),
        sizes=np.full(SUBJECTS, 7),
    )


def mean_squares(subjects: Floats) -> tuple[float, float, float]:
    """Of a two-way analysis of variance without replication: subjects, seeds, left over."""
    seeds = len(subjects)
    by_subject, by_seed = subjects.mean(axis=0), subjects.mean(axis=1)
    left = subjects - by_subject - by_seed[:, None] + subjects.mean()
    return (
        seeds * by_subject.var(ddof=1),
        SUBJECTS * by_seed.var(ddof=1),
        float((left**2).sum() / (seeds - 1) / (SUBJECTS - 1)),
    )


def test_of_a_mean_the_parts_are_those_of_a_two_way_analysis_of_variance() -> None:
    old, new = side(4, seed=1), side(3, seed=2)

    parts = variance(old, new).parts

    seeds = left = 0.0
    for values in (old, new):
        _, of_seeds, error = mean_squares(values)
        seeds += (of_seeds - error) / SUBJECTS / len(values)
        left += error / SUBJECTS / len(values)
    difference = new.mean(axis=0) - old.mean(axis=0)
    assert parts["seeds"] == pytest.approx(seeds)
    assert parts["left_over"] == pytest.approx(left)
    assert parts["subjects"] == pytest.approx(difference.var(ddof=1) / SUBJECTS - left)
    assert sum(parts.values()) == pytest.approx(variance(old, new).total)


def test_with_one_seed_of_a_side_the_subjects_alone_count() -> None:
    old, new = side(1, seed=1), side(3, seed=2)

    found = variance(old, new)

    difference = new.mean(axis=0) - old[0]
    assert found.total == pytest.approx(difference.var(ddof=1) / SUBJECTS)
    assert found.parts["seeds"] == found.parts["left_over"] == 0
    assert found.freedom == pytest.approx(SUBJECTS - 1)


def test_seeds_that_differ_less_than_the_left_over_lower_nothing() -> None:
    old, new = (side(3, seed=seed, of_seeds=0, left_over=3) for seed in (1, 5))
    old = old - old.mean(axis=1, keepdims=True)
    new = new - new.mean(axis=1, keepdims=True)

    found = variance(old, new)

    assert found.parts["seeds"] == 0
    assert found.total == pytest.approx(found.of_subjects.sum())


def test_where_only_seeds_differ_the_test_is_that_of_welch() -> None:
    values = np.array([[0.1], [0.4], [0.5]]), np.array([[0.9], [1.6]])

    found = variance(*(np.tile(each, SUBJECTS) for each in values))

    old, new = values
    expected = ttest_ind_from_stats(
        new.mean(), new.std(ddof=1), len(new), old.mean(), old.std(ddof=1), len(old), False
    )
    assert found.p_value(new.mean() - old.mean()) == pytest.approx(expected.pvalue)


def test_the_interval_and_the_p_value_agree() -> None:
    found = variance(side(2, seed=1), side(2, seed=2))

    assert found.p_value(found.half_width) == pytest.approx(0.05)
    assert found.p_value(0) == 1


def test_unequal_subjects_count_as_fewer() -> None:
    sides = tuple(with_and_without(side(1, seed=seed)) for seed in (1, 2))
    strata, sizes = np.zeros(SUBJECTS, np.int64), np.full(SUBJECTS, 7)

    equal = crossed_variance(sides, strata=strata, sizes=sizes)
    unequal = crossed_variance(sides, strata=strata, sizes=np.r_[200, sizes[1:]])

    assert unequal.half_width > equal.half_width


def test_the_same_numbers_again_change_no_variance() -> None:
    found = variance(side(3, seed=1), side(2, seed=2))

    for same in (found.with_seeds(found.seeds), found.with_subjects(1)):
        assert same.total == pytest.approx(found.total)
        assert same.freedom == pytest.approx(found.freedom)


def test_many_seeds_leave_what_is_between_subjects_and_many_subjects_what_is_between_seeds() -> (
    None
):
    found = variance(side(3, seed=1), side(2, seed=2))

    many_seeds = found.with_seeds(found.seeds * 10**6)
    many_subjects = found.with_subjects(10**6)

    assert many_seeds.total == pytest.approx(found.parts["subjects"], rel=1e-3)
    assert many_subjects.total == pytest.approx(found.parts["seeds"], rel=1e-3)


def test_more_subjects_have_more_degrees_of_freedom() -> None:
    found = variance(side(1, seed=1), side(1, seed=2))

    assert found.with_subjects(3).freedom == pytest.approx(3 * SUBJECTS - 1)


def test_a_difference_is_found_from_about_1_4_half_widths_on_where_subjects_are_many() -> None:
    found = variance(side(1, seed=1), side(1, seed=2))
    many = replace(found, units=np.array([1e6]))

    assert not many.finds(1.42 * many.half_width)
    assert many.finds(1.44 * many.half_width)


def test_the_degrees_of_freedom_are_at_least_those_of_the_least_known_part() -> None:
    found = CrossedVariance(
        of_subjects=np.array([0.3, 0.1]),
        units=np.array([20.0, 20.0]),
        of_seeds=np.array([1.0, 1.0]),
        left_over=np.array([0.9, 0.9]),
        seeds=np.array([2, 2]),
    )
    assert found.total == pytest.approx(0.6)
    assert found.freedom == 1  # the formula gives 0.18
    assert found.half_width == pytest.approx(12.706 * 0.6**0.5, rel=1e-3)
