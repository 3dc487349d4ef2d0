from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from stages.statistics.curves import precision_recall_points


def test_corners_are_those_computed_by_hand() -> None:
    predictions = pd.DataFrame({"label": ["all", "hem", "all"], "p_all": [0.9, 0.6, 0.3]})

    points = precision_recall_points(predictions)

    assert points["threshold"].tolist() == [0.3, 0.6, 0.9, 2]
    assert points["recall"].tolist() == [1, 0.5, 0.5, 0]
    assert points["precision"].tolist() == [0.666667, 0.5, 1, 1]


def test_the_area_in_steps_is_the_average_precision() -> None:
    generator = np.random.default_rng(3)
    actual = generator.random(200) < 0.6
    p_all = np.clip(actual * 0.3 + generator.random(200) * 0.7, 0, 1)
    predictions = pd.DataFrame({"label": np.where(actual, "all", "hem"), "p_all": p_all})

    points = precision_recall_points(predictions)

    area = -(points["recall"].diff().iloc[1:] * points["precision"].iloc[:-1].to_numpy()).sum()
    assert area == pytest.approx(average_precision_score(actual, p_all), abs=1e-5)
