from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.metrics import measure
from stages.statistics.operating_point import operating_threshold

from .tables import table


def validation(*p_all: float) -> object:
    """ALL cells with these p(ALL), and two HEM cells."""
    cells = [("1", "all", each) for each in p_all]
    return table(*cells, ("H1", "hem", 0.05), ("H1", "hem", 0.99))


def test_it_is_the_p_all_of_the_last_cell_that_is_needed() -> None:
    cells = validation(0.9, 0.8, 0.7, 0.6)

    assert operating_threshold(cells, target_sensitivity=0.75) == (0.7, None)
    assert operating_threshold(cells, target_sensitivity=0.76) == (0.6, None)
    assert operating_threshold(cells, target_sensitivity=0.01) == (0.9, None)


def test_nineteen_of_twenty_are_95_percent() -> None:
    cells = validation(*(number / 100 for number in range(51, 71)))

    assert operating_threshold(cells, target_sensitivity=0.95) == (0.52, None)


@given(
    st.lists(st.integers(0, 10).map(lambda tenth: tenth / 10), min_size=1, max_size=30),
    st.floats(0.01, 0.99),
)
def test_it_reaches_the_target_and_no_higher_one_does(scores: list[float], target: float) -> None:
    cells = validation(*scores)

    threshold, _ = operating_threshold(cells, target_sensitivity=target)

    assert threshold is not None
    called = cells.loc[cells["label"] == "all", "p_all"]
    assert (called >= threshold).mean() >= target
    assert (called > threshold).mean() < target
    assert measure(cells, threshold=threshold)["sensitivity"] >= round(target, 6) - 1e-6


def test_without_all_cells_there_is_none() -> None:
    threshold, reason = operating_threshold(validation(), target_sensitivity=0.95)

    assert threshold is None
    assert reason == "validation holds no ALL cells to choose a threshold by"


@pytest.mark.parametrize("target", [0.5, 0.95])
def test_hem_cells_have_no_say(target: float) -> None:
    cells = validation(0.2, 0.4, 0.6)
    alone = cells[cells["label"] == "all"]

    assert operating_threshold(cells, target_sensitivity=target) == operating_threshold(
        alone, target_sensitivity=target
    )
