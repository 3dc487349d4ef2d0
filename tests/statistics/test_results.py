from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from stages.statistics.intervals import TOO_NARROW
from stages.statistics.metrics import measure
from stages.statistics.results import measure_all

from .tables import clustered, table

TEST = clustered(subjects=8, seed=5)
VALIDATION = clustered(subjects=20, seed=1, split="val")
EXTERNAL = clustered(subjects=6, seed=6, split="external").assign(fold="")
TRAINING = clustered(subjects=20, seed=2, split="train")[["label", "area"]]


def results(*parts: pd.DataFrame, seed: int = 3, training: pd.DataFrame = TRAINING) -> Any:
    return measure_all(
        pd.concat(parts, ignore_index=True),
        training=training,
        threshold=0.5,
        target_sensitivity=0.95,
        replicates=200,
        seed=seed,
    )


WHOLE = results(VALIDATION, TEST, EXTERNAL)


def dictionaries(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from dictionaries(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from dictionaries(inner, f"{path}.{number}")


def test_the_keys_stand_in_order() -> None:
    assert list(WHOLE) == [
        *["threshold", "target_sensitivity", "operating_threshold", "temperature"],
        *["validation", "test", "external"],
    ]
    assert list(WHOLE["test"]) == [
        *["cells", "subjects", "accuracy", "balanced_accuracy", "sensitivity", "specificity"],
        *["ppv", "npv", "weighted_f1", "mcc", "roc_auc", "average_precision", "brier"],
        *["log_loss", "ece", "confusion", "intervals", "cell_intervals", "operating_point"],
        *["calibrated", "by_subject", "baselines", "subgroups"],
    ]


def test_the_same_predictions_give_the_same_bytes() -> None:
    again = results(VALIDATION, TEST, EXTERNAL)

    assert json.dumps(WHOLE, allow_nan=False) == json.dumps(again, allow_nan=False)


def test_the_external_cells_change_nothing_about_the_test_cells() -> None:
    assert results(VALIDATION, TEST)["test"] == WHOLE["test"]


def test_the_test_cells_choose_nothing() -> None:
    other = results(VALIDATION, clustered(subjects=9, seed=77))

    for name in ("operating_threshold", "temperature", "validation"):
        assert other[name] == WHOLE[name]


def test_the_figures_at_the_fixed_threshold_are_those_of_measure() -> None:
    measured = measure(TEST, threshold=0.5)

    assert {name: WHOLE["test"][name] for name in measured} == measured


def test_the_operating_point_is_that_of_validation_on_the_test_cells() -> None:
    threshold = WHOLE["operating_threshold"]
    measured = measure(TEST, threshold=threshold)
    point = WHOLE["test"]["operating_point"]

    assert WHOLE["validation"]["operating_point"]["sensitivity"] >= 0.95
    assert point["threshold"] == threshold
    assert point["confusion"] == measured["confusion"]
    assert point["npv"] == measured["npv"]


@pytest.mark.parametrize("kind", ["intervals", "cell_intervals"])
def test_every_interval_holds_a_figure_beside_it(kind: str) -> None:
    count = 0
    for path, section in dictionaries(WHOLE["test"]):
        for name, ends in section.get(kind, {}).items():
            if path.endswith("by_subject"):
                value = section[name]["mean_accuracy"]
            elif name in ("undefined", "ece") or ends is None:
                continue  # the interval of ECE is moved off its bias, and may leave it out
            else:
                value = section[name]
            assert ends[0] <= value <= ends[1], (path, name)
            count += "subgroups" not in path  # test_subgroups.py counts those
    assert count == {"intervals": 12 + 8 + 2 + 3 + 12, "cell_intervals": 12 + 8 + 2 + 12}[kind]


def test_intervals_over_subjects_are_wider_than_over_cells() -> None:
    def width(kind: str) -> float:
        low, high = WHOLE["test"][kind]["accuracy"]
        return high - low

    assert width("intervals") > 1.5 * width("cell_intervals")


def test_another_seed_moves_the_intervals_and_nothing_else() -> None:
    other = results(VALIDATION, TEST, seed=4)["test"]

    changed = {name for name, value in other.items() if value != WHOLE["test"][name]}
    assert {"intervals", "cell_intervals"} <= changed
    assert changed <= {
        *["intervals", "cell_intervals", "operating_point", "calibrated", "by_subject"],
        *["baselines", "subgroups"],
    }


def test_with_few_subjects_there_are_no_intervals_and_a_line_says_why() -> None:
    few = TEST[~TEST["subject"].isin(["H5", "H6", "H7", "H8"])]

    measured = results(VALIDATION, few)["test"]

    for path, section in dictionaries(measured):
        for kind in ("intervals", "cell_intervals"):
            if kind in section and "subgroups" not in path:
                assert list(section[kind]) == ["undefined"]
                assert "4 of class hem" in section[kind]["undefined"][0]
    assert measured["accuracy"] is not None
    assert measured["by_subject"]["hem"]["right_interval"]


def test_where_every_cell_is_right_no_interval_of_no_width_is_given() -> None:
    right = TEST.assign(
        p_all=TEST["label"].map({"all": 0.9, "hem": 0.1}),
        logit=TEST["label"].map({"all": 2.197225, "hem": -2.197225}),
    )

    found = results(VALIDATION, right)["test"]["intervals"]

    assert found["accuracy"] is found["roc_auc"] is None
    assert "accuracy" in found["undefined"][0]
    assert "the same in (nearly) all resamples" in found["undefined"][0]


def test_every_null_has_a_reason_beside_it() -> None:
    all_hem = table(*[(f"H{n}", "hem", 0.9) for n in range(6)])
    all_all = table(*[(f"{n}", "all", 0.9) for n in range(6)])
    nulls = 0
    for parts in (
        [VALIDATION, TEST],
        [all_hem.assign(split="val"), all_hem],
        [all_all.assign(split="val"), all_all],
        [TEST],
    ):
        for path, section in dictionaries(results(*parts)):
            missing = [name for name, value in section.items() if value is None]
            nulls += len(missing)
            for name in missing:
                assert name in "".join(section["undefined"]), (path, name)
    assert nulls > 10


def test_what_dvc_would_show_as_metrics_is_of_a_readable_number() -> None:
    numbers = [
        (path, key)
        for path, section in dictionaries({k: v for k, v in WHOLE.items() if k != "external"})
        for key, value in section.items()
        if isinstance(value, int | float) and not any(part.isdigit() for part in path.split("."))
    ]

    assert len(numbers) < 100


UNKNOWN = [cells.assign(subject="") for cells in (VALIDATION, TEST, EXTERNAL)]


def test_without_subjects_every_figure_of_the_cells_stays() -> None:
    """What needs subjects is missing with a reason; intervals over cells are those of before."""
    found = results(*UNKNOWN)

    assert found["validation"] == WHOLE["validation"] | {"subjects": None}
    for part in ("test", "external"):
        before, after = WHOLE[part], found[part]
        assert after["subjects"] is None
        assert after["accuracy"] == before["accuracy"]
        for name in (None, "operating_point", "calibrated"):
            old, new = (values[name] if name else values for values in (before, after))
            assert new["intervals"] == {
                "undefined": ["no intervals by subject: subjects are not known"]
            }
            assert new["cell_intervals"] == old["cell_intervals"] | {"too_narrow": [TOO_NARROW]}
        assert after["by_subject"] == {
            "undefined": ["no figures by subject: subjects are not known"],
            "intervals": {"undefined": ["no intervals by subject: subjects are not known"]},
        }
        assert after["subgroups"]["subject"] == []
        third = after["subgroups"]["area"][0]
        assert third["subjects"] is None
        assert third["cell_intervals"]["too_narrow"] == [TOO_NARROW]
        low, high = third["cell_intervals"]["roc_auc"]
        assert low < third["roc_auc"] < high
    json.dumps(found, allow_nan=False)


def test_one_cell_without_a_subject_leaves_those_of_its_part_unknown() -> None:
    one = TEST.assign(subject=["", *TEST["subject"][1:]])

    found = results(VALIDATION, one, EXTERNAL)

    assert found["external"] == WHOLE["external"]
    reason = f"subjects of 1 of the {len(TEST)} cells are not known"
    assert found["test"]["intervals"] == {"undefined": [f"no intervals by subject: {reason}"]}


def test_too_few_cells_without_a_subject_have_no_interval() -> None:
    few = table(*[("", "all", 0.9)] * 4, *[("", "hem", 0.1)] * 9)

    found = results(VALIDATION, few)["test"]

    reason = (
        "no intervals: of the cells 4 of class all; below 5 in a class a bootstrap says too little "
        "of cells not seen"
    )
    assert found["cell_intervals"] == {"undefined": [reason]}
    assert found["subgroups"]["area"][0]["cell_intervals"] == {"undefined": [reason]}
