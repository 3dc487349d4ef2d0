from __future__ import annotations

import numpy as np
import pytest

from stages.statistics.by_subject import measure_subjects, subject_table, weighted_subject_accuracy

from .tables import clustered, table

CELLS = table(
    ("1", "all", 0.9),
    ("1", "all", 0.8),
    ("1", "all", 0.3),
    ("2", "all", 0.6),
    ("2", "all", 0.01),
    ("H1", "hem", 0.2),
    ("H1", "hem", 0.1),
)


def test_subjects_match_a_case_counted_by_hand() -> None:
    subjects = subject_table(CELLS, threshold=0.5)

    assert subjects["subject"].tolist() == ["1", "2", "H1"]
    assert subjects["cells"].tolist() == [3, 2, 2]
    np.testing.assert_allclose(subjects["accuracy"], [2 / 3, 1 / 2, 1])
    # Of subject 2 one cell is barely ALL and one clearly HEM: the mean logit decides.
    assert subjects["right"].tolist() == [True, False, True]
    assert subjects.loc[1, "mean_logit"] == pytest.approx((np.log(1.5) - np.log(99)) / 2, abs=1e-6)

    measured = measure_subjects(subjects)
    assert measured["all"] == {
        "subjects": 2,
        "mean_accuracy": 0.583333,
        "right": 1,
        "right_share": 0.5,
        "right_interval": [0.012579, 0.987421],
    }
    assert measured["hem"]["right"] == 1
    assert measured["both"]["subjects"] == 3
    assert measured["both"]["mean_accuracy"] == round((2 / 3 + 1 / 2 + 1) / 3, 6)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    subjects = subject_table(table(*[(f"{n}", "all", 0.9) for n in range(10)]), threshold=0.5)

    measured = measure_subjects(subjects)["all"]

    assert measured["right_interval"] == [round(0.025 ** (1 / 10), 6), 1.0]


def test_a_threshold_moves_the_mean_logit_that_is_called_all() -> None:
    assert subject_table(CELLS, threshold=0.05)["right"].tolist() == [True, True, False]
    assert subject_table(CELLS, threshold=0.9)["right"].tolist() == [False, False, True]


def test_a_class_without_subjects_is_left_out() -> None:
    only_all = subject_table(CELLS[CELLS["label"] == "all"], threshold=0.5)

    assert list(measure_subjects(only_all)) == ["all", "both"]


def test_with_every_weight_one_the_mean_accuracies_are_those_of_the_table() -> None:
    cells = clustered(subjects=7, seed=4)
    called = (cells["p_all"] >= 0.5).to_numpy()

    weighted = weighted_subject_accuracy(cells, called, np.ones((1, len(cells))))

    measured = measure_subjects(subject_table(cells, threshold=0.5))
    for name, values in weighted.items():
        assert values[0] == pytest.approx(measured[name]["mean_accuracy"], abs=1e-6)


def test_a_subject_of_weight_two_counts_as_two_subjects() -> None:
    weights = np.array([[2.0, 2, 2, 1, 1, 0, 0]])
    called = (CELLS["p_all"] >= 0.5).to_numpy()

    with np.errstate(invalid="ignore"):
        weighted = weighted_subject_accuracy(CELLS, called, weights)

    assert weighted["all"][0] == pytest.approx((2 * 2 / 3 + 1 / 2) / 3)
