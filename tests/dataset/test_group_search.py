from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.dataset.group_search import place_groups

COUNTS = st.integers(0, 60)
TABLES = st.lists(st.tuples(COUNTS, COUNTS), min_size=3, max_size=12).map(np.array)


def goal(cells, *, fewest=1):
    """70/15/15 of each class, and `fewest` groups of each class in each part."""
    totals = cells.sum(axis=0)
    held_out = totals * 15 // 100
    return {
        "targets": np.array([totals - 2 * held_out, held_out, held_out]),
        "fewest_groups": np.array([fewest, fewest]),
    }


def cost(parts, cells, targets, fewest_groups):
    """What the search should make small, written out."""
    lacking = distance = 0
    for part, kind in itertools.product(range(3), range(2)):
        counts = [int(row[kind]) for row, home in zip(cells, parts, strict=True) if home == part]
        lacking += max(0, int(fewest_groups[kind]) - sum(count > 0 for count in counts))
        distance += (sum(counts) - int(targets[part][kind])) ** 2
    return lacking, distance


def one_class_each(number, *, seed):
    """Groups of 1 to 89 cells, of one class and the other in turn."""
    sizes = np.random.default_rng(seed).integers(1, 90, (number, 1))
    return sizes * np.eye(2, dtype=np.int64)[np.arange(number) % 2]


@settings(max_examples=30)
@given(TABLES.filter(np.any), st.integers(0, 2**31 - 1))
def test_no_move_and_no_swap_of_two_groups_comes_nearer(cells, seed):
    wanted = goal(cells)
    parts = place_groups(cells, **wanted, seed=seed).tolist()
    found = cost(parts, cells, **wanted)
    for group, part in itertools.product(range(len(cells)), range(3)):
        moved = [*parts[:group], part, *parts[group + 1 :]]
        assert cost(moved, cells, **wanted) >= found
    for first, second in itertools.combinations(range(len(cells)), 2):
        swapped = list(parts)
        swapped[first], swapped[second] = parts[second], parts[first]
        assert cost(swapped, cells, **wanted) >= found


@pytest.mark.parametrize("seed", range(3))
def test_for_a_few_groups_it_finds_the_nearest_of_all_ways(seed):
    cells = one_class_each(7, seed=seed)
    wanted = goal(cells)
    nearest = min(cost(parts, cells, **wanted) for parts in itertools.product(range(3), repeat=7))
    assert cost(place_groups(cells, **wanted, seed=seed), cells, **wanted) == nearest


def test_enough_groups_of_each_class_come_before_the_targets():
    large = [(100, 0), (15, 0), (15, 0), (0, 100), (0, 15), (0, 15)]
    cells = np.array([*large, *[(1, 0), (0, 1)] * 4])
    parts = place_groups(cells, **goal(cells, fewest=2), seed=0)
    for part in range(3):
        assert ((cells[parts == part] > 0).sum(axis=0) >= 2).all()


def test_the_same_seed_gives_the_same_parts_and_other_seeds_others():
    cells = one_class_each(40, seed=0)
    found = [tuple(place_groups(cells, **goal(cells), seed=seed)) for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) == 3
