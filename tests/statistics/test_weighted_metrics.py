from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from stages.statistics.metrics import call_metrics, score_metrics
from stages.statistics.weighted_metrics import weighted_calls, weighted_scores


def cells(seed: int, *, count: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, p(ALL) with many ties, weights with zeros in them."""
    generator = np.random.default_rng(seed)
    p_all = generator.integers(0, 16, count) / 15
    actual = generator.random(count) < 0.3 + 0.5 * p_all
    weights = generator.integers(0, 4, (5, count)).astype(float)
    return actual, p_all, weights


def in_sklearn(actual: np.ndarray, p_all: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    called = p_all >= 0.5

    def of(function: object, *arguments: object, **settings: object) -> float:
        return function(actual, *arguments, sample_weight=weight, **settings)

    return {
        "accuracy": of(metrics.accuracy_score, called),
        "balanced_accuracy": of(metrics.balanced_accuracy_score, called),
        "sensitivity": of(metrics.recall_score, called),
        "specificity": of(metrics.recall_score, called, pos_label=False),
        "ppv": of(metrics.precision_score, called),
        "npv": of(metrics.precision_score, called, pos_label=False),
        "weighted_f1": of(metrics.f1_score, called, average="weighted"),
        "mcc": of(metrics.matthews_corrcoef, called),
        "roc_auc": of(metrics.roc_auc_score, p_all),
        "average_precision": of(metrics.average_precision_score, p_all),
        "brier": of(metrics.brier_score_loss, p_all),
        "log_loss": of(metrics.log_loss, p_all.clip(5e-9, 1 - 5e-9)),
    }


@pytest.mark.parametrize("seed", range(20))
def test_every_metric_is_that_of_scikit_learn_with_sample_weight(seed: int) -> None:
    actual, p_all, weights = cells(seed)

    ours = weighted_calls(actual, p_all >= 0.5, weights) | weighted_scores(actual, p_all, weights)

    for number, weight in enumerate(weights):
        for name, value in in_sklearn(actual, p_all, weight).items():
            assert ours[name][number] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_is_so_many_copies_of_the_cell(seed: int) -> None:
    actual, p_all, weights = cells(seed)

    ours = weighted_calls(actual, p_all >= 0.5, weights) | weighted_scores(actual, p_all, weights)

    for number, weight in enumerate(weights.astype(int)):
        copies, of_copies = np.repeat(actual, weight), np.repeat(p_all, weight)
        plain = call_metrics(copies, of_copies >= 0.5) | score_metrics(copies, of_copies)
        assert set(plain) == set(ours)
        for name, value in plain.items():
            assert ours[name][number] == pytest.approx(value, abs=1e-12), name


def test_what_does_not_exist_is_nan_and_never_a_warning() -> None:
    actual, p_all = np.array([True, False]), np.array([0.9, 0.8])
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

    ours = weighted_calls(actual, p_all >= 0.5, weights) | weighted_scores(actual, p_all, weights)

    assert np.isnan(ours["specificity"]).tolist() == [True, False, False]
    assert np.isnan(ours["sensitivity"]).tolist() == [False, True, False]
    assert np.isnan(ours["npv"]).all()
    assert np.isnan(ours["roc_auc"]).tolist() == [True, True, False]
    assert ours["mcc"].tolist() == [0, 0, 0]
