from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.compare.differences import compare, swap_p_values
from stages.compare.pairs import Pair, pair
from stages.statistics.intervals import TOO_NARROW, subject_resamples
from stages.statistics.metrics import measure

from .conftest import better, cells, measured, noisier, with_logits

CELLS = cells()


def compared(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, Any]:
    return compare(pair(measured(old), measured(new, name="new"), common=False))


def test_a_model_does_not_differ_from_itself() -> None:
    for row in compared(CELLS, CELLS)["metrics"].values():
        assert row["difference"] == 0
        assert row["interval"] == [0, 0]
        assert row["p_value"] == 1
        assert row["verdict"] == "equal"


def test_a_clearly_better_model_is_found_and_the_other_way_round_is_worse() -> None:
    surer = better(CELLS, by=1.5)
    there, back = compared(CELLS, surer)["metrics"], compared(surer, CELLS)["metrics"]

    for name in ("accuracy", "roc_auc", "brier", "log_loss"):
        assert there[name]["verdict"] == "better"
        assert back[name]["verdict"] == "worse"
        assert there[name]["p_value"] < 0.01
        assert there[name]["difference"] == -back[name]["difference"]


def test_differences_are_those_of_the_metrics() -> None:
    other = noisier(CELLS, noise=1)
    found = compared(CELLS, other)["metrics"]

    old, new = (measure(table, threshold=0.5) for table in (CELLS, other))
    for name, row in found.items():
        assert (row["old"], row["new"]) == (old[name], new[name])
        assert row["difference"] == pytest.approx(new[name] - old[name], abs=1e-6)
    assert set(found) == {name for name, value in old.items() if isinstance(value, float)}


def test_a_difference_in_one_subject_alone_is_not_resolved() -> None:
    other = CELLS.copy()
    first = other["subject"] == "1"
    other.loc[first, "p_all"] = 0.01  # 10 of 160 cells: cells would call it significant

    row = compared(CELLS, other)["metrics"]["sensitivity"]

    assert row["difference"] < -0.05
    assert row["verdict"] == "unresolved"
    assert row["interval"][1] >= 0 or row["p_value"] > 0.05


@pytest.mark.parametrize(("p_value", "verdict"), [(0.049, "better"), (0.05, "unresolved")])
def test_interval_and_p_value_must_agree_on_a_verdict(
    monkeypatch: pytest.MonkeyPatch, p_value: float, verdict: str
) -> None:
    monkeypatch.setattr(
        "stages.compare.differences.swap_p_values", lambda *_: {"accuracy": p_value}
    )

    row = compared(CELLS, better(CELLS, by=1.5))["metrics"]["accuracy"]

    assert row["interval"][0] > 0
    assert row["verdict"] == verdict


def test_paired_intervals_are_narrower_than_either_model_s_own() -> None:
    low, high = compared(CELLS, noisier(CELLS, noise=0.1))["metrics"]["accuracy"]["interval"]

    assert high - low < 0.05


def test_each_model_is_called_at_its_own_threshold() -> None:
    both = Pair(measured(CELLS), measured(CELLS, threshold=0.3), (0, 0))

    found = compare(both)["metrics"]

    assert found["sensitivity"]["difference"] > 0
    assert found["roc_auc"]["difference"] == 0


def test_at_the_operating_point_each_model_has_the_threshold_that_validation_chose_for_it() -> None:
    old = measured(CELLS, operating_threshold=0.2)
    new = measured(CELLS, name="new", operating_threshold=0.8)

    found = compare(Pair(old, new, (0, 0)))["metrics"]

    for name, side in (("old", old), ("new", new)):
        expected = measure(CELLS, threshold=side.operating_threshold)
        assert found["operating_sensitivity"][name] == expected["sensitivity"]
        assert found["operating_specificity"][name] == expected["specificity"]
    assert found["operating_specificity"]["verdict"] == "better"
    assert found["sensitivity"]["verdict"] == "equal"


def test_without_an_operating_point_on_both_sides_nothing_is_said_of_it() -> None:
    both = Pair(measured(CELLS, operating_threshold=0.3), measured(CELLS, name="new"), (0, 0))

    assert "operating_sensitivity" not in compare(both)["metrics"]


def test_equal_figures_of_models_that_call_other_cells_wrong_are_not_called_equal() -> None:
    first, second = CELLS.copy(), CELLS.copy()
    for table, subject in ((first, "1"), (second, "2")):
        table["p_all"] = np.where(table["label"] == "all", 0.9, 0.1)
        table.loc[table["subject"] == subject, "p_all"] = 0.1

    row = compared(first, second)["metrics"]["accuracy"]

    assert row["difference"] == 0
    assert row["interval"][0] < 0 < row["interval"][1]
    assert row["verdict"] == "unresolved"


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_model_that_says_more_throughout_is_judged_by_its_order_all_the_same(name: str) -> None:
    surer = better(CELLS, by=0.6)
    shifted = with_logits(surer, surer["logit"] + 3)

    plain, moved = (compared(CELLS, new)["metrics"][name] for new in (surer, shifted))

    assert moved["difference"] == pytest.approx(plain["difference"], abs=1e-5)
    assert moved["p_value"] == pytest.approx(plain["p_value"], abs=1e-5)
    assert moved["verdict"] == plain["verdict"] == "better"


def test_a_subject_of_both_classes_counts_twice_as_in_the_results() -> None:
    mixed = CELLS.assign(subject=CELLS["subject"].replace({"H1": "1"}))

    assert compared(mixed, mixed)["subjects"] == 16


@pytest.mark.parametrize("name", ["accuracy", "roc_auc"])
@pytest.mark.integration
def test_the_p_value_is_near_that_of_all_swaps(name: str) -> None:
    small = cells(subjects=4, per_subject=4)
    both = Pair(measured(small), measured(noisier(small, noise=1.5), name="new"), (0, 0))

    found = swap_p_values(both, subject_resamples(small, replicates=1, seed=0))

    assert found[name] == pytest.approx(exact_p_value(both, name), abs=0.03)


def exact_p_value(both: Pair, name: str) -> float:
    """By every one of the 2^8 ways to swap the models by subject."""
    table, actual = both.old.test, both.old.test["label"] == "all"
    old, new = table["p_all"], both.new.test["p_all"]
    if name == "roc_auc":  # only the order counts: the ranks are swapped
        old, new = old.rank(), new.rank()
    score = {"accuracy": lambda p: ((p >= 0.5) == actual).mean(), "roc_auc": None}[name]
    score = score or (lambda p: roc_auc_score(actual, p))
    names = sorted(table["subject"].unique())
    differences = []
    for swaps in itertools.product([False, True], repeat=len(names)):
        swap = table["subject"].map(dict(zip(names, swaps, strict=True)))
        differences.append(abs(score(new.where(~swap, old)) - score(old.where(~swap, new))))
    assert len(differences) == 256
    return float(np.mean(np.array(differences) >= differences[0] - 1e-9))


@pytest.mark.integration
def test_where_models_do_not_differ_p_below_a_twentieth_is_rare() -> None:
    p_values = []
    for seed in range(60):
        table = cells(subjects=6, per_subject=5, seed=seed)
        first, second = (noisier(table, noise=1, seed=2 * seed + each) for each in (0, 1))
        both = Pair(measured(first), measured(second), (0, 0))
        resamples = subject_resamples(table, replicates=1, seed=0)
        p_values.append(swap_p_values(both, resamples)["roc_auc"])

    assert np.mean(np.array(p_values) < 0.05) <= 0.12
    assert 0.35 < np.mean(p_values) < 0.65


def test_few_subjects_leave_the_verdict_open_and_say_why() -> None:
    few = CELLS[~CELLS["subject"].isin(["H1", "H2", "H3", "H4"])].reset_index(drop=True)

    found = compared(few, better(few, by=3))

    assert "4 of class hem" in found["undefined"][0]
    for row in found["metrics"].values():
        assert row["interval"] is row["p_value"] is row["verdict"] is None


def test_the_comparison_is_json_and_the_same_each_time() -> None:
    first, again = (compared(CELLS, noisier(CELLS, noise=1)) for _ in range(2))

    assert json.dumps(first, allow_nan=False) == json.dumps(again, allow_nan=False)


def test_without_subjects_cells_are_drawn_and_swapped_and_it_is_said() -> None:
    known = compared(CELLS, noisier(CELLS, noise=1))
    unknown = compared(CELLS.assign(subject=""), noisier(CELLS, noise=1).assign(subject=""))
    each = [table.assign(subject=table["image"]) for table in (CELLS, noisier(CELLS, noise=1))]

    assert unknown["subjects"] is None
    assert unknown["too_narrow"] == [TOO_NARROW]
    assert "too_narrow" not in known
    assert unknown["metrics"] == compared(*each)["metrics"]
    assert unknown["metrics"]["accuracy"]["interval"] != known["metrics"]["accuracy"]["interval"]


def test_too_few_cells_without_subjects_have_no_interval() -> None:
    few = CELLS.assign(subject="").groupby("label").head(4)

    found = compared(few, few)

    assert found["undefined"][0].startswith("no intervals: of the cells 4 of class all and 4 of cl")
    assert "too_narrow" not in found
