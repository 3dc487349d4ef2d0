from __future__ import annotations

import numpy as np
import pytest

from tests.compare.simulation import (
    DESIGNS,
    EFFECT,
    END,
    HEAD,
    NOISY,
    PAGE,
    START,
    Design,
    areas,
    draw_cells,
    draw_logits,
    label,
    rates,
    shares_right,
    true_values,
)


@pytest.fixture(scope="module")
def held() -> dict[str, float]:
    """How often, of 200 comparisons of three seeds a side that differ much, the truth is held."""
    return rates(Design((3, 3), **NOISY), 200, effect=EFFECT)


@pytest.mark.integration
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_intervals_over_subjects_and_seeds_hold_the_truth_about_as_often_as_they_say(
    held: dict[str, float], metric: str
) -> None:
    assert 0.91 <= held[f"crossed {metric}"] <= 0.99


@pytest.mark.integration
def test_intervals_over_subjects_alone_and_naive_ones_over_few_seeds_do_not(
    held: dict[str, float],
) -> None:
    assert held["subjects accuracy"] < 0.8
    assert held["subjects roc_auc"] < 0.8
    assert held["naive accuracy"] < 0.9


@pytest.mark.integration
def test_of_equally_good_models_few_are_called_better_or_worse() -> None:
    held = rates(Design((2, 2), **NOISY), 200, effect=0.0)

    for metric in ("accuracy", "roc_auc"):
        assert 1 - held[f"crossed {metric}"] <= 0.1


def test_the_truth_is_what_many_subjects_show() -> None:
    design = Design((1, 1), subjects=(1500, 1500), folds=3, seed=0.0)
    generator = np.random.default_rng(1)
    cells = draw_cells(design, generator)
    ones = np.ones((1, 3000))
    found = [
        [
            (shares_right(cells, logits, ones).item(), areas(cells, logits, ones).item())
            for logits in draw_logits(design, cells, generator, effect=0.0)
        ]
        for _ in range(15)
    ]

    accuracy, roc_auc = np.mean(found, axis=(0, 1))
    expected = true_values(design, 1.3)
    assert accuracy == pytest.approx(expected["accuracy"], abs=0.01)
    assert roc_auc == pytest.approx(expected["roc_auc"], abs=0.01)


def test_the_table_in_the_page_is_of_these_designs() -> None:
    table = PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0].strip().splitlines()

    assert table[:2] == HEAD.splitlines()
    for line, design in zip(table[2:], DESIGNS, strict=True):
        assert line.startswith(label(design))
