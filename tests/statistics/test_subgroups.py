from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from stages.statistics import result_sections
from stages.statistics.intervals import lacking_subjects, over_resamples, subject_resamples
from stages.statistics.metrics import measure
from stages.statistics.subgroups import METRICS, measure_subgroups

from .tables import clustered, table


def measured_subgroups(cells: pd.DataFrame, *, threshold: float) -> dict[str, Any]:
    return measure_subgroups(cells, threshold=threshold, replicates=200, seed=0)


@pytest.mark.parametrize("kind", ["fold", "area", "brightness", "subject"])
def test_the_groups_hold_every_cell_once(kind: str) -> None:
    cells = clustered(subjects=9, seed=1)

    groups = measured_subgroups(cells, threshold=0.5)[kind]

    assert sum(group["cells"] for group in groups) == len(cells)
    right = sum(group["cells"] * group["accuracy"] for group in groups)
    assert right / len(cells) == pytest.approx(measure(cells, threshold=0.5)["accuracy"], abs=1e-5)
    json.dumps(groups, allow_nan=False)


def test_a_fold_is_measured_as_if_it_were_alone() -> None:
    cells = clustered(subjects=9, seed=1)
    alone = measure(cells[cells["fold"] == "fold_1"], threshold=0.3)

    group = measured_subgroups(cells, threshold=0.3)["fold"][1]

    assert group["name"] == "fold_1"
    assert group["subjects"] == 6
    assert {name: group[name] for name in METRICS} == {name: alone[name] for name in METRICS}


@pytest.mark.parametrize("kind", ["area", "brightness"])
def test_thirds_are_of_equal_size_and_lie_apart(kind: str) -> None:
    cells = clustered(subjects=9, seed=1)

    thirds = measured_subgroups(cells, threshold=0.5)[kind]

    assert [third["name"] for third in thirds] == ["lowest third", "middle third", "highest third"]
    assert all(abs(third["cells"] - len(cells) / 3) <= 2 for third in thirds)
    ends = [end for third in thirds for end in (third["low"], third["high"])]
    assert ends == sorted(ends)
    assert (ends[0], ends[-1]) == (cells[kind].min(), cells[kind].max())


def test_cells_of_one_size_are_one_group_and_cells_without_a_fold_none() -> None:
    cells = table(("1", "all", 0.9), ("H1", "hem", 0.2), ("H2", "hem", 0.9))

    groups = measured_subgroups(cells, threshold=0.5)

    assert groups["fold"] == []
    assert [(third["name"], third["cells"]) for third in groups["area"]] == [("lowest third", 3)]


def test_a_group_of_one_class_has_nulls_and_a_reason() -> None:
    cells = table(("1", "all", 0.9), ("H1", "hem", 0.2)).assign(fold=["fold_0", "fold_1"])

    first, _ = measured_subgroups(cells, threshold=0.5)["fold"]

    assert first["specificity"] is first["roc_auc"] is None
    assert first["undefined"] == ["cells of one class: no specificity, roc_auc"]


def test_subjects_stand_in_order_with_plain_values() -> None:
    cells = table(("2", "all", 0.9), ("10", "all", 0.2), ("H1", "hem", 0.2))

    subjects = measured_subgroups(cells, threshold=0.5)["subject"]

    assert [subject["name"] for subject in subjects] == ["10", "2", "H1"]
    assert subjects[0] == {
        "label": "all",
        "name": "10",
        "cells": 1,
        "accuracy": 0.0,
        "mean_logit": -1.386294,
        "right": False,
    }


def test_a_group_of_enough_subjects_has_intervals_by_resamples_of_its_own_subjects() -> None:
    cells = clustered(subjects=18, seed=1)
    rows = cells[cells["fold"] == "fold_1"].reset_index(drop=True)

    group = measured_subgroups(cells, threshold=0.5)["fold"][1]

    resamples = subject_resamples(rows, replicates=200, seed=0)
    accuracies = over_resamples(resamples, result_sections.plain(rows, 0.5)[1])["accuracy"]
    low, high = group["intervals"]["accuracy"]
    assert accuracies.min() <= low < group["accuracy"] < high <= accuracies.max()
    assert set(group["intervals"]) == set(METRICS)


def test_a_group_of_few_subjects_has_none_and_a_reason() -> None:
    group = measured_subgroups(clustered(subjects=9, seed=1), threshold=0.5)["fold"][1]

    assert group["intervals"] == {"undefined": [lacking_subjects(THREE)]}


def test_a_further_column_gives_a_group_for_each_of_its_values() -> None:
    cells = clustered(subjects=9, seed=1)
    cells["scanner"] = ["", *["b", "a"] * (len(cells) // 2), "a"][: len(cells)]

    found = measure_subgroups(cells, ["scanner"], threshold=0.5, replicates=200, seed=0)

    assert [group["name"] for group in found["scanner"]] == ["not given", "a", "b"]
    assert sum(group["cells"] for group in found["scanner"]) == len(cells)
    alone = measure(cells[cells["scanner"] == "b"], threshold=0.5)
    assert {name: found["scanner"][2][name] for name in METRICS} == {
        name: alone[name] for name in METRICS
    }
    assert found["scanner"][2]["intervals"]["accuracy"]
    del found["scanner"]
    assert found == measured_subgroups(cells, threshold=0.5)


THREE = table(*[(f"{n}", "all", 0.9) for n in range(3)], *[(f"H{n}", "hem", 0.9) for n in range(3)])


def test_a_column_that_no_cell_of_the_part_has_gives_no_group() -> None:
    cells = clustered(subjects=2, seed=1).assign(scanner="")
    groups = measure_subgroups(cells, ["scanner"], threshold=0.5, replicates=200, seed=0)
    assert groups["scanner"] == []
