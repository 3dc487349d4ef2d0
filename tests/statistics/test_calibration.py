from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from stages.statistics.calibration import (
    bin_of,
    expected_calibration_error,
    fit_temperature,
    reliability_points,
    tempered,
)


def noisy(steepness: float, *, seed: int = 0, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from p = expit(z), and logits `steepness` times too steep."""
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 2, count)
    return generator.random(count) < expit(true), steepness * true


def test_the_bins_hold_their_lower_end_and_the_last_also_one() -> None:
    assert bin_of(np.array([0, 0.0666, 0.0667, 0.5, 0.9333, 0.9334, 1])).tolist() == [
        *[0, 0, 1, 7, 13, 14, 14]
    ]


def test_ece_matches_a_case_counted_by_hand() -> None:
    p_all = np.array([0.90, 0.92, 0.92, 0.10, 0.12])  # bins 13 and 1
    actual = np.array([True, True, False, False, True])

    # 3/5 · |0.91333 − 2/3| + 2/5 · |0.11 − 1/2|
    expected = 3 / 5 * abs(2.74 / 3 - 2 / 3) + 2 / 5 * abs(0.11 - 0.5)
    assert expected_calibration_error(actual, p_all) == pytest.approx(expected)


def test_p_all_that_keeps_its_word_has_no_ece_and_the_opposite_all_of_it() -> None:
    actual = np.array([True, False])

    assert expected_calibration_error(actual, np.array([1.0, 0.0])) == 0
    assert expected_calibration_error(actual, np.array([0.0, 1.0])) == 1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_the_points_of_the_diagram_add_up_to_the_ece(cells: list[tuple[bool, float]]) -> None:
    actual, p_all = (np.array(column) for column in zip(*cells, strict=True))
    points = reliability_points(actual, p_all.astype(float))

    assert points["cells"].sum() == len(cells)
    assert (points["low"] - 1e-6 <= points["mean_p_all"]).all()
    assert (points["mean_p_all"] <= points["high"] + 1e-6).all()
    gaps = (points["mean_p_all"] - points["all_share"]).abs() * points["cells"] / len(cells)
    assert gaps.sum() == pytest.approx(
        expected_calibration_error(actual, p_all.astype(float)), abs=1e-5
    )


@pytest.mark.parametrize("steepness", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_what_was_done_to_the_logits(steepness: float) -> None:
    actual, logits = noisy(steepness)

    temperature, reason = fit_temperature(actual, logits)

    assert reason is None
    assert temperature == pytest.approx(steepness, rel=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_the_temperature_is_that_of_two_other_ways_to_the_least_loss(seed: int) -> None:
    actual, logits = noisy(2.5, seed=seed, count=150)

    temperature, _ = fit_temperature(actual, logits)

    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    regression.fit(logits.reshape(-1, 1), actual)
    assert temperature == pytest.approx(1 / regression.coef_[0, 0], rel=1e-4)
    searched = minimize_scalar(
        lambda t: log_loss(actual, expit(logits / t)), bounds=(0.1, 10), method="bounded"
    )
    assert temperature == pytest.approx(searched.x, rel=1e-3)


def test_a_factor_of_the_logits_is_a_factor_of_the_temperature() -> None:
    actual, logits = noisy(2.0, count=300)

    once, _ = fit_temperature(actual, logits)
    tenfold, _ = fit_temperature(actual, 10 * logits)

    assert once is not None
    assert tenfold == pytest.approx(10 * once)


@pytest.mark.parametrize(
    ("actual", "logits", "reason"),
    [
        ([True, True], [1, 2], "does not hold cells of both classes"),
        ([], [], "does not hold cells of both classes"),
        ([True, False], [1, -2], "separate the classes: the best T is 0"),
        ([True, False], [-1, 2], "no better than chance: the best T is infinite"),
        ([True, False], [0, 0], "no better than chance"),
        ([True, False], [1e-6, 1e-9], "all but separate the classes"),
    ],
)
def test_without_a_best_temperature_there_is_a_reason(
    actual: list[bool], logits: list[float], reason: str
) -> None:
    temperature, found = fit_temperature(np.array(actual, bool), np.array(logits, float))

    assert temperature is None
    assert found is not None
    assert reason in found


def test_a_temperature_keeps_ranks_and_draws_towards_a_half() -> None:
    logits = np.array([-3.0, -0.5, 0.0, 2.0])

    cool, warm = tempered(logits, 1), tempered(logits, 4)

    np.testing.assert_allclose(cool, expit(logits))
    assert (np.diff(warm) > 0).all()
    assert (np.abs(warm - 0.5) <= np.abs(cool - 0.5)).all()
