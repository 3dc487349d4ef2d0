from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from stages.common.errors import StageError
from stages.dataset.cell_table import SPLITS
from stages.split.assign import assign_parts
from stages.split.params import SplitParams

SIZES = st.lists(st.integers(1, 40), min_size=3, max_size=12)
SHARES = st.sampled_from([0.1, 0.15, 0.2, 0.3])


def asked(strategy="stratified", validation_share=0.15, test_share=0.15, *, seed=0):
    return SplitParams(strategy, validation_share, test_share, seed)


def shares(cells, parts):
    """Each part's share of the cells, and of its cells the share of ALL."""
    table = pd.crosstab(pd.Series(parts, index=cells.index), cells["label"]).loc[list(SPLITS)]
    sizes = table.sum(axis=1)
    return sizes / sizes.sum(), table["all"] / sizes


@settings(max_examples=25)
@given(SIZES, SIZES, SHARES, SHARES, st.integers(0, 2**31 - 1), st.booleans())
def test_by_subject_no_group_is_in_two_parts_and_every_class_is_in_every_part(
    list_cells, patients, healthy, validation_share, test_share, seed, mixed
):
    groups = {f"{number}": {"all": count} for number, count in enumerate(patients)}
    groups |= {f"H{number}": {"hem": count} for number, count in enumerate(healthy)}
    if mixed:
        groups["0"]["hem"] = 5
    cells = list_cells(groups)
    params = asked("subject", validation_share, test_share, seed=seed)
    parts = assign_parts(cells, params)
    assert len(parts) == len(cells)
    placed = cells.assign(part=parts)
    assert placed[["group", "part"]].drop_duplicates()["group"].is_unique
    present = set(zip(placed["part"], placed["label"], strict=True))
    assert present == {(part, label) for part in SPLITS for label in ("all", "hem")}
    assert assign_parts(cells, params) == parts


@settings(max_examples=25)
@given(st.integers(20, 200), st.integers(20, 200), SHARES, SHARES, st.integers(0, 2**31 - 1))
def test_stratified_parts_have_their_share_of_each_class(
    list_cells, patients, healthy, validation_share, test_share, seed
):
    cells = list_cells({"1": {"all": patients}, "H1": {"hem": healthy}})
    params = asked("stratified", validation_share, test_share, seed=seed)
    parts = assign_parts(cells, params)
    table = pd.crosstab(pd.Series(parts), cells["label"])
    assert table.to_numpy().sum() == len(cells)
    for part, share in (("val", validation_share), ("test", test_share)):
        for label, total in (("all", patients), ("hem", healthy)):
            assert abs(table.loc[part, label] - share * total) < 2
    assert assign_parts(cells, params) == parts


@pytest.mark.parametrize("strategy", ["stratified", "subject"])
def test_the_order_of_the_rows_does_not_matter(many_groups, strategy):
    shuffled = many_groups.sample(frac=1, random_state=0)
    one = assign_parts(many_groups, asked(strategy, seed=1))
    other = assign_parts(shuffled, asked(strategy, seed=1))
    by_image = dict(zip(many_groups["image"], one, strict=True))
    assert dict(zip(shuffled["image"], other, strict=True)) == by_image


@pytest.mark.parametrize("strategy", ["stratified", "subject"])
def test_seeds_differ(many_groups, strategy):
    one, other = (assign_parts(many_groups, asked(strategy, seed=seed)) for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize(
    ("strategy", "digest"),
    [
        ("stratified", "9354c7c11ff02484"),
        ("subject", "395c335c21566192"),
    ],
)
def test_the_parts_are_the_same_on_every_machine(many_groups, strategy, digest):
    parts = assign_parts(many_groups, asked(strategy, seed=123))
    assert hashlib.sha256(",".join(parts).encode()).hexdigest().startswith(digest)


def test_shares_that_sum_to_a_round_number_give_round_parts(list_cells):
    cells = list_cells({"1": {"all": 50}, "H1": {"hem": 50}})
    parts = assign_parts(cells, asked(validation_share=0.1, test_share=0.2))
    assert [parts.count(part) for part in SPLITS] == [70, 10, 20]


def test_by_subject_a_part_has_five_groups_of_a_class_where_there_are_twenty(list_cells):
    groups = {f"{number}": {"all": 100 if number < 6 else 1} for number in range(20)}
    groups |= {f"H{number}": {"hem": 100 if number < 6 else 1} for number in range(20)}
    cells = list_cells(groups)
    parts = assign_parts(cells, asked("subject"))
    table = cells.assign(part=parts).groupby(["part", "label"])["group"].nunique()
    assert table.min() >= 5


@pytest.mark.parametrize("strategy", ["stratified", "subject"])
def test_refuses_shares_that_leave_nothing_for_training(many_groups, strategy):
    with pytest.raises(StageError, match=r"0\.7 and split\.test_share 0\.3 sum to 1\.0, expected"):
        assign_parts(many_groups, asked(strategy, 0.7, 0.3))


def test_by_subject_refuses_fewer_than_three_groups_of_a_class(list_cells):
    groups = {f"{number}": {"all": 9} for number in range(5)}
    cells = list_cells(groups | {"H1": {"hem": 9}, "H2+H3": {"hem": 9}})
    with pytest.raises(StageError, match=r"the hem cells are of 2 groups of .* expected 3 or more"):
        assign_parts(cells, asked("subject"))


@pytest.mark.parametrize(("patients", "healthy"), [(1, 30), (2, 3), (60, 2), (3, 60)])
def test_stratified_refuses_too_few_cells(list_cells, patients, healthy):
    cells = list_cells({"1": {"all": patients}, "H1": {"hem": healthy}})
    expected = rf"{healthy} hem and {patients} all cells are too few to put both classes into"
    with pytest.raises(StageError, match=expected):
        assign_parts(cells, asked())


def test_stratified_on_the_full_listing_gives_the_known_counts(full_listing):
    parts = assign_parts(full_listing, asked(seed=123))
    assert [parts.count(part) for part in SPLITS] == [7462, 1599, 1600]


@pytest.mark.parametrize("listing", ["many_groups", "full_listing"])
def test_stratified_is_scikit_learn_twice_on_the_sorted_names(listing, request):
    cells = request.getfixturevalue(listing)
    names = sorted(cells["image"])
    labels = [name.removesuffix(".bmp").split("_")[-1] for name in names]
    train, rest, _, rest_labels = train_test_split(
        names, labels, test_size=0.3, stratify=labels, random_state=123
    )
    val, test = train_test_split(rest, test_size=0.5, stratify=rest_labels, random_state=123)
    expected = {"train": train, "val": val, "test": test}
    part_of = dict(zip(cells["image"], assign_parts(cells, asked(seed=123)), strict=True))
    assert part_of == {name: part for part, images in expected.items() for name in images}


def test_stratified_refuses_shares_too_small_for_the_rarer_class(list_cells):
    cells = list_cells({"1": {"all": 500}, "H1": {"hem": 4}})
    with pytest.raises(
        StageError, match=r"val would have no hem, test would have no hem.*larger in"
    ):
        assign_parts(cells, asked("stratified", 0.01, 0.01))


@pytest.mark.parametrize("seed", [0, 1, 123])
def test_by_subject_the_full_listing_comes_within_a_tenth_of_a_point(full_listing, seed):
    parts = assign_parts(full_listing, asked("subject", seed=seed))
    sizes, positive = shares(full_listing, parts)
    assert (sizes - [0.7, 0.15, 0.15]).abs().max() < 0.001
    assert (positive - (full_listing["label"] == "all").mean()).abs().max() < 0.001
    groups = full_listing.assign(part=parts).groupby(["part", "label"])["group"].nunique()
    assert groups.min() >= 5
