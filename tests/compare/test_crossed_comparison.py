from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.compare.cross_validations import CrossValidation
from stages.compare.crossed_comparison import FEW_SEEDS, FEW_SUBJECTS, compare_cross_validations
from stages.statistics.intervals import TOO_NARROW
from stages.statistics.metrics import measure

from .conftest import better, cells, cross_validated, noisier, seeds_of, with_logits

CELLS = cells()


def compared(old: CrossValidation, new: CrossValidation, **options: bool) -> dict[str, Any]:
    return compare_cross_validations(old, new, **{"common": False} | options)


def other(tables: dict[int, pd.DataFrame], **settings: Any) -> CrossValidation:
    return cross_validated(tables, name="other", **settings)


def test_a_figure_is_the_mean_over_the_seeds_of_its_side() -> None:
    old, new = seeds_of(CELLS, 1, 2), seeds_of(CELLS, 3, 4, 5)

    found = compared(cross_validated(old), other(new))

    for name in ("accuracy", "roc_auc", "log_loss"):
        means = [
            np.mean([measure(table, threshold=0.5)[name] for table in tables.values()])
            for tables in (old, new)
        ]
        row = found["metrics"][name]
        assert (row["old"], row["new"]) == pytest.approx(tuple(means), abs=2e-6)
        assert row["difference"] == pytest.approx(means[1] - means[0], abs=2e-6)
    assert (found["old"]["seeds"], found["new"]["seeds"]) == ([1, 2], [3, 4, 5])


def test_seeds_that_differ_widen_the_interval_beyond_that_of_the_subjects() -> None:
    old = {1: CELLS, 2: better(CELLS, by=0.6), 3: better(CELLS, by=-0.6)}
    new = {1: better(CELLS, by=1.5), 2: better(CELLS, by=-0.3), 3: better(CELLS, by=1)}

    over_both = compared(cross_validated(old), other(new))
    first_alone = compared(cross_validated({1: old[1]}), other({1: new[1]}))

    assert over_both["chance"] == "test cells and trainings"
    assert first_alone["chance"] == "test cells"
    for name in ("accuracy", "roc_auc"):
        row, alone = (found["metrics"][name] for found in (over_both, first_alone))
        assert np.diff(row["interval"]) > 1.5 * np.diff(alone["interval"])
        deviation = row["standard_deviation"]
        assert deviation["seeds"] > 2 * deviation["subjects"]
        assert "standard_deviation" not in alone


def test_a_clearly_better_model_is_found_over_its_seeds_and_the_other_way_round_is_worse() -> None:
    old, new = seeds_of(CELLS, 1, 2, 3), seeds_of(better(CELLS, by=1.5), 4, 5)

    there = compared(cross_validated(old), other(new))["metrics"]
    back = compared(cross_validated(new), other(old))["metrics"]

    for name in ("accuracy", "roc_auc", "brier", "log_loss"):
        assert (there[name]["verdict"], back[name]["verdict"]) == ("better", "worse")
        assert there[name]["interval"] == [-end for end in reversed(back[name]["interval"])]
        assert "settle" not in there[name]


def test_what_seeds_alone_leave_open_more_seeds_settle() -> None:
    old = {1: CELLS, 2: better(CELLS, by=0.6)}
    new = {1: better(CELLS, by=0.9), 2: better(CELLS, by=0.2)}

    row = compared(cross_validated(old), other(new))["metrics"]["roc_auc"]

    assert row["verdict"] == "unresolved"
    assert 1 <= row["settle"]["seeds"] <= 50
    assert row["settle"]["subjects"] is None


def test_the_same_trainings_are_equal_and_no_independent_draws() -> None:
    tables = seeds_of(CELLS, 1, 2)

    for row in compared(cross_validated(tables), other(tables))["metrics"].values():
        assert (row["difference"], row["interval"], row["p_value"]) == (0, [0, 0], 1)
        assert row["verdict"] == "equal"


def test_each_cell_has_the_operating_threshold_of_its_model() -> None:
    table = CELLS.assign(operating_threshold=np.where(CELLS["subject"] == "1", 0.9, 0.2))
    tables = {1: table, 2: table}

    found = compared(cross_validated(tables), other(seeds_of(table, 1, 2)))["metrics"]

    called = CELLS.assign(p_all=(table["p_all"] >= table["operating_threshold"]).astype(float))
    expected = measure(called, threshold=0.5)
    for name in ("sensitivity", "specificity"):
        assert found[f"operating_{name}"]["old"] == expected[name]
    without = compared(cross_validated(tables), other(seeds_of(CELLS, 1, 2)))["metrics"]
    assert "operating_sensitivity" not in without


def test_unlike_strategies_are_refused() -> None:
    tables = seeds_of(CELLS, 1, 2)

    with pytest.raises(
        StageError,
        match="main was cross-validated with the strategy subject, and other with stratified",
    ):
        compared(cross_validated(tables), other(tables, strategy="stratified"))


def test_cells_that_were_tested_in_another_fold_are_counted() -> None:
    tables = seeds_of(CELLS, 1, 2)

    assert compared(cross_validated(tables), other(tables))["other_fold"] == 0
    assert compared(cross_validated(tables), other(tables, folds=3))["other_fold"] > 0


def test_cells_of_one_side_are_refused_and_with_common_left_out() -> None:
    fewer = {seed: table.iloc[5:] for seed, table in seeds_of(CELLS, 1, 2).items()}
    fewer = {seed: table.reset_index(drop=True) for seed, table in fewer.items()}
    old = cross_validated(seeds_of(CELLS, 1, 2))

    with pytest.raises(StageError, match="same out_of_fold cells: of 160 and 155 they share 155"):
        compared(old, other(fewer))
    found = compared(old, other(fewer), common=True)
    assert found["left_out"] == [5, 0]
    assert found["cells"] == 155


def test_few_subjects_leave_the_verdict_open_and_say_why() -> None:
    few = CELLS[~CELLS["subject"].isin(["H1", "H2", "H3", "H4"])].reset_index(drop=True)

    found = compared(cross_validated(seeds_of(few, 1, 2)), other(seeds_of(few, 3, 4)))

    assert "4 of class hem" in found["undefined"][0]
    for row in found["metrics"].values():
        assert row["interval"] is row["p_value"] is row["verdict"] is None


def test_without_subjects_groups_of_cells_are_left_out_and_it_is_said() -> None:
    unknown = CELLS.assign(subject="")

    found = compared(cross_validated(seeds_of(unknown, 1, 2)), other(seeds_of(unknown, 3, 4)))
    known = compared(cross_validated(seeds_of(CELLS, 1, 2)), other(seeds_of(CELLS, 3, 4)))

    assert found["subjects"] is None
    assert found["too_narrow"] == [TOO_NARROW]
    row = found["metrics"]["accuracy"]
    assert row["interval"] != known["metrics"]["accuracy"]["interval"]
    assert row["standard_deviation"]["left_over"] > 0
    assert row["settle"]["subjects"] is None


def test_a_metric_that_never_varies_has_no_interval() -> None:
    right = with_logits(CELLS, pd.Series(np.where(CELLS["label"] == "all", 3.0, -3.0)))
    wrong = with_logits(CELLS, pd.Series(np.where(CELLS["label"] == "all", -3.0, -3.0)))

    found = compared(cross_validated({1: right, 2: right}), other({1: wrong, 3: wrong}))

    assert found["metrics"]["specificity"]["verdict"] == "equal"
    assert found["metrics"]["sensitivity"]["difference"] == -1
    assert found["metrics"]["sensitivity"]["verdict"] is None
    assert "sensitivity" in found["undefined"][0]


@pytest.mark.parametrize(
    ("seeds", "subjects", "said"),
    [
        ((3, 3), 8, []),
        ((2, 3), 8, [FEW_SEEDS]),
        ((3, 3), 7, [FEW_SUBJECTS]),
        ((2, 2), 5, [FEW_SEEDS, FEW_SUBJECTS]),
        ((1, 3), 8, []),
    ],
)
def test_where_the_simulated_intervals_do_not_hold_it_is_said(
    seeds: tuple[int, int], subjects: int, said: list[str]
) -> None:
    table = cells(subjects=subjects)
    old, new = (seeds_of(table, *range(1, number + 1)) for number in seeds)
    new = {seed: noisier(each, noise=1) for seed, each in new.items()}

    assert compared(cross_validated(old), other(new)).get("caution", []) == said


def test_the_comparison_is_json_and_the_same_each_time() -> None:
    sides = cross_validated(seeds_of(CELLS, 1, 2)), other(seeds_of(CELLS, 3, 4))

    first, again = (json.dumps(compared(*sides), allow_nan=False) for _ in range(2))

    assert first == again


def test_the_order_of_seeds_changes_nothing() -> None:
    tables = seeds_of(CELLS, 1, 2, 3)
    old, new = cross_validated(tables), other(seeds_of(CELLS, 4, 5))
    turned = replace(old, by_seed=dict(reversed(old.by_seed.items())))

    assert compared(old, new)["metrics"] == compared(turned, new)["metrics"]
