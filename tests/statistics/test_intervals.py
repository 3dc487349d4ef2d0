from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, norm

from stages.statistics.intervals import (
    Resamples,
    cell_resamples,
    intervals,
    lacking_subjects,
    over_resamples,
    subject_resamples,
)
from stages.statistics.metrics import Floats, arrays
from stages.statistics.weighted_metrics import weighted_calls, weighted_scores

from .tables import clustered, table


def statistic(cells: pd.DataFrame) -> object:
    actual, p_all = arrays(cells)
    called = p_all >= 0.5
    return lambda weights: (
        weighted_calls(actual, called, weights) | weighted_scores(actual, p_all, weights)
    )


def accuracy(cells: pd.DataFrame) -> object:
    actual, p_all = arrays(cells)
    return lambda weights: weighted_calls(actual, p_all >= 0.5, weights)


def test_a_drawn_subject_brings_all_its_cells() -> None:
    cells = clustered(subjects=8, seed=1)
    resamples = subject_resamples(cells, replicates=50, seed=3)

    weights = resamples.drawn[:, resamples.unit_of_cell]

    for _, rows in cells.groupby(["label", "subject"]):
        of_subject = weights[:, rows.index]
        assert (of_subject == of_subject[:, :1]).all()


@pytest.mark.parametrize("draw", [subject_resamples, cell_resamples])
def test_each_class_keeps_its_number_of_units(draw: object) -> None:
    cells = clustered(subjects=8, seed=1)

    resamples = draw(cells, replicates=50, seed=3)

    for stratum in (0, 1):
        units = resamples.strata == stratum
        assert (resamples.drawn[:, units].sum(axis=1) == units.sum()).all()
    assert (np.bincount(resamples.unit_of_cell) > 0).all()


def test_subjects_of_one_name_in_two_classes_are_two() -> None:
    cells = table(("1", "all", 0.9), ("1", "hem", 0.2), ("2", "all", 0.9), ("2", "all", 0.7))

    assert subject_resamples(cells, replicates=1, seed=0).drawn.shape == (1, 3)


def test_the_seed_alone_decides_what_is_drawn() -> None:
    cells = clustered(subjects=6, seed=1)

    first, again, other = (
        subject_resamples(cells, replicates=40, seed=seed).drawn for seed in (3, 3, 4)
    )

    assert (first == again).all()
    assert (first != other).any()


def test_every_unit_is_drawn_once_on_average() -> None:
    drawn = cell_resamples(clustered(subjects=3, seed=1), replicates=4000, seed=0).drawn

    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.08)
    np.testing.assert_allclose(drawn.var(axis=0).mean(), 1, atol=0.05)


def test_portions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = clustered(subjects=6, seed=1)
    resamples = subject_resamples(cells, replicates=40, seed=3)
    whole = over_resamples(resamples, accuracy(cells))
    monkeypatch.setattr("stages.statistics.intervals._WEIGHTS_AT_ONCE", 7 * len(cells))

    portions = over_resamples(resamples, accuracy(cells))

    for name, values in whole.items():
        np.testing.assert_allclose(values, portions[name], rtol=1e-12)


def test_with_many_independent_cells_it_is_the_bca_interval_of_scipy() -> None:
    generator = np.random.default_rng(5)
    values = generator.exponential(size=400)
    cells = table(*[(str(row), "all", 0.5) for row in range(400)], ("H1", "hem", 0.5))
    ours = intervals(
        _alone(subject_resamples(cells.iloc[:400], replicates=6000, seed=1)),
        lambda weights: {"mean": weights @ values / weights.sum(axis=1)},
    )

    theirs = bootstrap(
        (values,), np.mean, n_resamples=6000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval

    np.testing.assert_allclose(ours["mean"], [theirs.low, theirs.high], atol=0.012)


def _alone(resamples: Resamples) -> Resamples:
    assert set(resamples.strata) == {0}
    return resamples


def test_few_subjects_and_unequal_ones_make_an_interval_wider_than_percentiles() -> None:
    cells = clustered(subjects=6, seed=2)
    resamples = subject_resamples(cells, replicates=4000, seed=0)
    values = over_resamples(resamples, accuracy(cells))["accuracy"]

    low, high = intervals(resamples, accuracy(cells))["accuracy"]

    plain = np.quantile(values, [0.025, 0.975])
    assert high - low > 1.2 * (plain[1] - plain[0])


UNEQUAL = [[100, 1, 1, 1, 1], [90, 20, 10, 5, 5, 5, 5], [202, 200, 3, 3, 2, 2], [30] * 5]


def cells_of_subjects(sizes: list[int], *, seed: int) -> tuple[pd.DataFrame, Floats]:
    """HEM cells of subjects of these sizes, and whether each is called right: 76 % on average."""
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(len(sizes)), sizes)
    shift = generator.normal(-1, 1, len(sizes))[subject]
    right = shift + generator.normal(size=len(subject)) < 0
    return pd.DataFrame({"subject": subject.astype(str), "label": "hem"}), right.astype(float)


@pytest.mark.parametrize("sizes", UNEQUAL, ids=str)
def test_an_interval_holds_its_own_estimate_where_a_subject_has_most_cells(
    sizes: list[int],
) -> None:
    for seed in range(20):
        cells, right = cells_of_subjects(sizes, seed=seed)
        resamples = subject_resamples(cells, replicates=400, seed=seed)

        low, high = intervals(resamples, lambda w, right=right: {"share": w @ right / w.sum(1)})[
            "share"
        ]

        assert low - 1e-6 <= right.mean() <= high + 1e-6


def test_where_a_subject_has_most_cells_the_interval_is_wide_enough() -> None:
    truth, held = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(200):
        cells, right = cells_of_subjects([90, 20, 10, 5, 5, 5, 5], seed=seed)
        resamples = subject_resamples(cells, replicates=400, seed=seed)
        share = intervals(resamples, lambda w, right=right: {"share": w @ right / w.sum(1)})
        held += share["share"][0] <= truth <= share["share"][1]

    assert 0.90 <= held / 200 <= 0.98


def test_what_does_not_exist_in_a_resample_has_no_interval_and_a_reason() -> None:
    cells = table(*[(str(n), "all", 0.9) for n in range(6)], *[(f"H{n}", "hem", 0.8) for n in "12"])
    cells.loc[7, "p_all"] = 0.1  # the one cell that is called HEM
    found = intervals(subject_resamples(cells, replicates=100, seed=0), accuracy(cells))

    assert found["npv"] is None
    (reason,) = found["undefined"]
    assert reason.startswith("npv does not exist in ")
    assert reason.endswith(" of 100 resamples")
    assert found["specificity"] is not None


def test_an_error_that_resamples_add_to_is_taken_off_and_never_below_zero() -> None:
    cells = clustered(subjects=20, seed=3)
    resamples = subject_resamples(cells, replicates=400, seed=0)

    mended = intervals(resamples, statistic(cells), biased=("ece",))["ece"]
    as_drawn = over_resamples(resamples, statistic(cells))["ece"]
    estimate = statistic(cells)(np.ones((1, len(cells))))["ece"][0]

    assert np.median(as_drawn) > estimate
    assert 0 <= mended[0] < mended[1] < np.quantile(as_drawn, 0.975)


@pytest.mark.parametrize(("of_all", "of_hem"), [(4, 9), (9, 4), (1, 1), (0, 9)])
def test_fewer_than_five_subjects_in_a_class_are_said(of_all: int, of_hem: int) -> None:
    cells = table(
        *[(f"{n}", "all", 0.9) for n in range(of_all) for _ in range(3)],
        *[(f"H{n}", "hem", 0.1) for n in range(of_hem)],
    )
    reason = lacking_subjects(cells)

    assert reason is not None
    assert (f"{of_all} of class all" in reason) == (of_all < 5)
    assert (f"{of_hem} of class hem" in reason) == (of_hem < 5)


def test_five_subjects_in_each_class_are_enough() -> None:
    assert lacking_subjects(clustered(subjects=5, seed=0)) is None


SIMULATIONS, REPLICATES = 1200, 500
CALLS = ("accuracy", "sensitivity", "specificity", "balanced_accuracy", "ppv", "mcc")


@pytest.fixture(scope="module")
def coverage() -> dict[str, dict[str, float]]:
    """How often, of 1,200 sets of 12 subjects a class, an interval holds what 8,000 give."""
    population = clustered(subjects=8000, seed=99)
    truth = accuracy(population)(np.ones((1, len(population))))
    held = {kind: dict.fromkeys(CALLS, 0.0) for kind in ("subjects", "cells", "percentiles")}

    def note(kind: str, name: str, ends: Floats) -> None:
        held[kind][name] += bool(ends[0] <= truth[name][0] <= ends[1]) / SIMULATIONS

    for seed in range(SIMULATIONS):
        cells = clustered(subjects=12, seed=seed)
        by_subject = subject_resamples(cells, replicates=REPLICATES, seed=seed)
        by_cell = cell_resamples(cells, replicates=REPLICATES, seed=seed)
        clustered_ends = intervals(by_subject, accuracy(cells))
        # Plain percentiles: leaving out each cell in turn would take long, and changes nothing.
        plain, drawn = (over_resamples(each, accuracy(cells)) for each in (by_cell, by_subject))
        for name in CALLS:
            note("subjects", name, clustered_ends[name])
            note("cells", name, np.quantile(plain[name], [0.025, 0.975]))
            note("percentiles", name, np.quantile(drawn[name], [0.025, 0.975]))
    return held


@pytest.mark.parametrize("name", CALLS)
def test_intervals_over_subjects_hold_the_truth_as_often_as_they_say(
    coverage: dict[str, dict[str, float]], name: str
) -> None:
    assert 0.93 <= coverage["subjects"][name] <= 0.97


@pytest.mark.parametrize("name", CALLS)
def test_intervals_over_cells_do_not(coverage: dict[str, dict[str, float]], name: str) -> None:
    assert coverage["cells"][name] < 0.75


def test_neither_do_plain_percentiles_over_few_subjects(
    coverage: dict[str, dict[str, float]],
) -> None:
    assert min(coverage["percentiles"].values()) < 0.92
