from __future__ import annotations

from stages.statistics.metrics import measure
from stages.statistics.tuning import calibrated_p_all, describe_tuning, describe_validation, tune

from .tables import clustered, table

VALIDATION = clustered(subjects=20, seed=1, split="val")


def test_the_choices_fit_validation() -> None:
    tuning = tune(VALIDATION, threshold=0.5, target_sensitivity=0.9)
    described = describe_validation(VALIDATION, tuning)

    assert described["cells"] == len(VALIDATION)
    assert described["operating_point"]["sensitivity"] >= 0.9
    assert described["calibrated"]["log_loss"] <= described["log_loss"]
    assert described["log_loss"] == measure(VALIDATION, threshold=0.5)["log_loss"]
    assert describe_tuning(tuning) == {
        "operating_threshold": tuning.operating_threshold,
        "temperature": tuning.temperature,
    }


def test_the_temperature_that_is_told_is_the_one_that_is_used() -> None:
    tuning = tune(VALIDATION, threshold=0.5, target_sensitivity=0.9)

    assert tuning.temperature == round(tuning.temperature or 0, 6)
    p_all = calibrated_p_all(VALIDATION, tuning)
    assert p_all is not None
    assert ((p_all > 0.5) == (VALIDATION["p_all"] > 0.5)).all()


def test_what_cannot_be_chosen_is_null_with_a_reason() -> None:
    validation = table(("H1", "hem", 0.2), ("H1", "hem", 0.3))
    tuning = tune(validation, threshold=0.5, target_sensitivity=0.95)

    assert describe_tuning(tuning) == {
        "operating_threshold": None,
        "temperature": None,
        "undefined": [
            "no operating_threshold: validation holds no ALL cells to choose a threshold by",
            "no temperature: validation does not hold cells of both classes",
        ],
    }
    assert calibrated_p_all(validation, tuning) is None
    assert "calibrated" not in describe_validation(validation, tuning)


def test_no_validation_is_no_error() -> None:
    validation = VALIDATION.iloc[:0]
    tuning = tune(validation, threshold=0.5, target_sensitivity=0.95)

    assert describe_validation(validation, tuning) == {"cells": 0}
