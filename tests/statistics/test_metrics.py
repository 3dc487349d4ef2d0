from __future__ import annotations

import io
import json
import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.metrics import confusion_rows, measure, roc_points


def predictions(*cells: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["label", "p_all"])


HAND_MADE = predictions(
    ("all", 0.9), ("all", 0.8), ("all", 0.5), ("all", 0.3), ("hem", 0.6), ("hem", 0.1)
)

probabilities = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1).map(lambda p: round(p, 8))
)
cells_of_any_class = st.lists(
    st.tuples(st.sampled_from(["all", "hem"]), probabilities), min_size=1, max_size=60
)
cells_of_both_classes = st.builds(
    lambda cells, p, q: [("all", p), ("hem", q), *cells],
    cells_of_any_class,
    probabilities,
    probabilities,
)
thresholds = st.floats(0.01, 0.99)


def test_metrics_match_a_case_counted_by_hand() -> None:
    measured = measure(HAND_MADE, threshold=0.5)

    assert measured["confusion"] == {
        "true_positive": 3,
        "false_negative": 1,
        "true_negative": 1,
        "false_positive": 1,
    }
    assert measured["cells"] == 6
    assert measured["accuracy"] == round(4 / 6, 6)
    assert measured["sensitivity"] == 0.75
    assert measured["specificity"] == 0.5
    assert measured["balanced_accuracy"] == 0.625
    assert measured["weighted_f1"] == round((4 * 0.75 + 2 * 0.5) / 6, 6)
    assert measured["roc_auc"] == 0.75  # 6 of the 8 pairs stand in the right order
    assert measured["average_precision"] == round((1 + 1 + 3 / 4 + 4 / 5) / 4, 6)
    wrong_or_right = (0.9, 0.8, 0.5, 0.3, 0.4, 0.9)
    assert measured["log_loss"] == round(-sum(map(math.log, wrong_or_right)) / 6, 6)
    assert measured["ppv"] == 0.75  # 3 of the 4 that are called ALL
    assert measured["npv"] == 0.5
    assert measured["mcc"] == 0.25  # (3·1 − 1·1) / √(4·2·4·2)
    assert measured["brier"] == round((0.01 + 0.04 + 0.25 + 0.49 + 0.36 + 0.01) / 6, 6)
    # 0.1 is in bin 1, 0.3 in bin 4, 0.5 in bin 7, 0.6 in bin 9, 0.8 in bin 12, 0.9 in bin 13.
    assert measured["ece"] == round((0.1 + 0.2 + 0.5 + 0.7 + 0.6 + 0.1) / 6, 6)
    assert "undefined" not in measured


def test_the_threshold_itself_is_called_all() -> None:
    assert measure(HAND_MADE, threshold=0.5)["confusion"]["true_positive"] == 3
    assert measure(HAND_MADE, threshold=0.50001)["confusion"]["true_positive"] == 2


@given(cells_of_any_class, thresholds)
def test_the_figures_agree_with_each_other_and_fit_into_json(
    cells: list[tuple[str, float]], threshold: float
) -> None:
    measured = measure(predictions(*cells), threshold=threshold)
    confusion = measured["confusion"]

    assert sum(confusion.values()) == measured["cells"] == len(cells)
    right = confusion["true_positive"] + confusion["true_negative"]
    assert measured["accuracy"] == round(right / len(cells), 6)
    assert all(0 <= value <= 1 for name, value in shares(measured).items())
    assert -1 <= (measured["mcc"] or 0) <= 1
    missing = {name for name, value in measured.items() if value is None}
    assert all(name in "".join(measured.get("undefined", [])) for name in missing)
    json.dumps(measured, allow_nan=False)


@given(cells_of_both_classes, thresholds)
def test_swapping_the_classes_swaps_sensitivity_and_specificity(
    cells: list[tuple[str, float]], threshold: float
) -> None:
    cells = [(label, p) for label, p in cells if p != threshold]
    if {label for label, _ in cells} != {"all", "hem"}:
        return
    swapped = [("hem" if label == "all" else "all", 1 - p) for label, p in cells]

    measured = measure(predictions(*cells), threshold=threshold)
    mirrored = measure(predictions(*swapped), threshold=1 - threshold)

    assert measured["sensitivity"] == mirrored["specificity"]
    assert measured["roc_auc"] == pytest.approx(mirrored["roc_auc"], abs=1e-6)


@pytest.mark.parametrize(
    ("label", "defined", "undefined"),
    [("all", "sensitivity", "specificity"), ("hem", "specificity", "sensitivity")],
)
def test_one_class_leaves_null_and_a_reason(label: str, defined: str, undefined: str) -> None:
    measured = measure(predictions((label, 0.9), (label, 0.2)), threshold=0.5)

    assert measured[defined] == measured["accuracy"] == 0.5
    assert measured[undefined] is None
    for name in ("roc_auc", "average_precision", "balanced_accuracy"):
        assert measured[name] is None
    assert measured["undefined"] == [
        f"every cell is of class {label}: no balanced_accuracy, {undefined}, mcc, roc_auc, "
        "average_precision"
    ]


@pytest.mark.parametrize(("p_all", "called", "lacking"), [(0.9, "hem", "npv"), (0.1, "all", "ppv")])
def test_calls_that_are_all_the_same_leave_one_predictive_value_null(
    p_all: float, called: str, lacking: str
) -> None:
    measured = measure(predictions(("all", p_all), ("hem", p_all)), threshold=0.5)

    assert measured[lacking] is None
    assert measured["undefined"] == [f"no cell is called {called}: no {lacking}"]
    assert measured["mcc"] == 0


@given(cells_of_both_classes)
def test_the_roc_curve_climbs_from_corner_to_corner(cells: list[tuple[str, float]]) -> None:
    table = predictions(*cells)
    curve = roc_points(table)

    assert curve.iloc[0].tolist() == [0, 0, 2]
    assert curve.iloc[-1, :2].tolist() == [1, 1]
    assert curve["false_positive_rate"].is_monotonic_increasing
    assert curve["true_positive_rate"].is_monotonic_increasing
    assert curve["threshold"].is_monotonic_decreasing
    area = sum(
        (right.false_positive_rate - left.false_positive_rate)
        * (right.true_positive_rate + left.true_positive_rate)
        / 2
        for left, right in zip(curve.itertuples(), curve.iloc[1:].itertuples(), strict=False)
    )
    assert area == pytest.approx(measure(table, threshold=0.5)["roc_auc"], abs=1e-4)


def test_a_point_of_the_roc_curve_is_what_its_threshold_gives() -> None:
    for point in roc_points(HAND_MADE).itertuples():
        measured = measure(HAND_MADE, threshold=point.threshold)
        assert measured["sensitivity"] == point.true_positive_rate
        assert measured["specificity"] == pytest.approx(1 - point.false_positive_rate)


def test_the_roc_file_is_finite() -> None:
    text = roc_points(HAND_MADE).to_csv(index=False)

    assert "inf" not in text
    assert pd.read_csv(io.StringIO(text)).notna().all(axis=None)


def test_confusion_rows_add_up_to_the_confusion_counts() -> None:
    counts = confusion_rows(HAND_MADE, threshold=0.5).value_counts().to_dict()

    assert counts == {
        ("all", "all"): 3,
        ("all", "hem"): 1,
        ("hem", "hem"): 1,
        ("hem", "all"): 1,
    }


def shares(measured: dict[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in measured.items()
        if isinstance(value, float) and name not in ("log_loss", "mcc")
    }
