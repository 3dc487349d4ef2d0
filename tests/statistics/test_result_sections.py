from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.statistics import result_sections
from stages.statistics.frozen import freeze
from stages.statistics.tuning import Tuning, tune

from .tables import clustered

TEST = clustered(subjects=8, seed=5)
VALIDATION = clustered(subjects=20, seed=1, split="val")
TRAINING = clustered(subjects=20, seed=2, split="train")[["label", "area"]]
CHOICES = tune(VALIDATION, threshold=0.4, target_sensitivity=0.9)
NO_CHOICES = Tuning(0.4, None, "no cells", None, "no logits")


def all_sections(tuning: Tuning, training: pd.DataFrame) -> dict[str, result_sections.Section]:
    frozen = freeze(TEST, tuning, training=training)
    return {
        "plain": result_sections.plain(TEST, tuning.threshold),
        "operating_point": result_sections.operating_point(frozen),
        "calibrated": result_sections.calibrated(frozen, tuning.threshold),
        "by_subject": result_sections.by_subject(TEST, tuning.threshold),
        "size_only": result_sections.size_only(frozen),
    }


@pytest.mark.parametrize("name", all_sections(CHOICES, TRAINING))
def test_the_statistic_gives_the_figures_where_every_weight_is_one(name: str) -> None:
    figures, statistic = all_sections(CHOICES, TRAINING)[name]

    assert statistic is not None
    values = statistic(np.ones((1, len(TEST))))
    assert values
    for key, value in values.items():
        assert value[0] == pytest.approx(single(figures, key), abs=1e-6)


def single(figures: Mapping[str, Any], key: str) -> float:
    found = figures[key]
    return found["mean_accuracy"] if isinstance(found, dict) else found


def test_each_section_has_its_own_metrics() -> None:
    names = {name: set(figures) for name, (figures, _) in all_sections(CHOICES, TRAINING).items()}

    assert {"accuracy", "ece", "roc_auc", "cells", "confusion"} <= names["plain"]
    assert {"threshold", "ppv", "confusion"} <= names["operating_point"]
    assert "roc_auc" not in names["operating_point"]
    assert names["calibrated"] == {"log_loss", "brier", "ece"}
    assert names["by_subject"] == {"all", "hem", "both"}
    assert names["size_only"] == names["plain"] - {"cells"}


def test_what_was_not_chosen_is_not_measured_and_says_why() -> None:
    found = all_sections(NO_CHOICES, TRAINING[TRAINING["label"] == "all"])

    empty = {name: figures for name, (figures, statistic) in found.items() if statistic is None}
    assert empty == {
        "operating_point": {"undefined": ["no operating point: no cells"]},
        "calibrated": {"undefined": ["no calibration: no logits"]},
        "size_only": {
            "undefined": ["no size-only classifier: the training cells are not of both classes"]
        },
    }
