from __future__ import annotations

from typing import Any

from stages.cross_validation.summary import METRICS, summary

FIGURES = dict.fromkeys(METRICS, 0.9) | {"cells": 1400, "subjects": 64}
SPREAD = {"mean": 0.7, "standard_deviation": 0.05, "lowest": 0.6, "highest": 0.8}
RESULTS: dict[str, Any] = {
    "data": "synthetic",
    "strategy": "subject",
    "folds": [1, 2, 3],
    "seeds": [1],
    "members": [{}] * 3,
    "warnings": ["The folds share."],
    "out_of_fold": FIGURES,
    "by_seed": {"seed_1": FIGURES},
    "external": {"zurich": {"ensemble": FIGURES, "members": {"accuracy": SPREAD}}},
}


def test_the_single_split_stands_beside_the_mean() -> None:
    single = {"test": FIGURES | {"accuracy": 0.95}, "zurich": {"accuracy": 0.65}}
    text = summary(RESULTS, single | {"data": RESULTS["data"]})
    assert "3 folds by subject, seeds 1: 3 models" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["accuracy", "0.900", "0.900", "0.950"] in lines
    assert ["accuracy", "0.900", "0.700", "±", "0.050", "0.650"] in lines
    assert "Mind: The folds share." in text


def test_the_single_split_of_other_data_is_left_out() -> None:
    other = {"data": "of others", "test": FIGURES | {"accuracy": 0.95}}
    assert "0.950" not in summary(RESULTS, other)


def test_without_a_single_split_and_with_several_seeds() -> None:
    deviation = dict.fromkeys(METRICS, 0.01)
    two = RESULTS | {
        "seeds": [1, 2],
        "by_seed": {"seed_1": FIGURES, "seed_2": FIGURES},
        "out_of_fold": FIGURES | {"standard_deviation": deviation},
    }
    lines = [line.split() for line in summary(two, {}).splitlines()]
    assert ["accuracy", "0.900", "±", "0.010", "0.900", "0.900", "–"] in lines
