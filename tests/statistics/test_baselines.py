from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.statistics.baselines import always_all, size_only_p_all

from .tables import clustered, table


def test_always_all_finds_every_all_cell_and_clears_no_hem_one() -> None:
    measured = always_all(table(("1", "all", 0.1), ("2", "all", 0.1), ("H1", "hem", 0.1)))

    assert measured["sensitivity"] == 1
    assert measured["specificity"] == measured["mcc"] == 0
    assert measured["accuracy"] == measured["ppv"] == round(2 / 3, 6)
    assert measured["weighted_f1"] == round(2 / 3 * 0.8, 6)
    assert measured["npv"] is None
    assert measured["undefined"] == ["no cell is called hem: no npv"]
    assert "roc_auc" not in measured


def test_always_all_on_the_training_set_of_the_challenge_gives_the_published_figure() -> None:
    cells = pd.DataFrame({"label": ["all"] * 7272 + ["hem"] * 3389, "p_all": 0.5})

    assert round(always_all(cells)["weighted_f1"], 3) == 0.553


@pytest.mark.parametrize("sign", [1, -1])
def test_size_alone_ranks_by_area_whichever_way_training_says(sign: int) -> None:
    training = clustered(subjects=20, seed=1)[["label", "area"]]
    training["area"] = 0.5 + sign * (training["area"] - 0.5)
    test = clustered(subjects=20, seed=2)

    p_all, reason = size_only_p_all(training, test["area"].to_numpy())

    assert reason is None
    assert p_all is not None
    order = np.argsort(sign * test["area"].to_numpy(), kind="stable")
    assert (np.diff(p_all[order]) >= 0).all()
    assert ((p_all > 0) & (p_all < 1)).all()
    assert roc_auc_score(test["label"] == "all", sign * p_all) > 0.7 or sign < 0


def test_the_unit_of_the_area_does_not_matter() -> None:
    training = clustered(subjects=20, seed=1)[["label", "area"]]
    areas = np.array([0.1, 0.3])

    shares, _ = size_only_p_all(training, areas)
    pixels, _ = size_only_p_all(training.assign(area=training["area"] * 4096), areas * 4096)

    np.testing.assert_allclose(shares, pixels, atol=1e-6)


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"label": ["all", "all"], "area": [0.1, 0.2]}, "not of both classes"),
        ({"label": ["all", "hem"], "area": [0.1, 0.1]}, "all of one size"),
    ],
)
def test_where_size_cannot_be_learnt_there_is_a_reason(
    training: dict[str, list[object]], reason: str
) -> None:
    p_all, found = size_only_p_all(pd.DataFrame(training), np.array([0.1]))

    assert p_all is None
    assert found is not None
    assert reason in found
