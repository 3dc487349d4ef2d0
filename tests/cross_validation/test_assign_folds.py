from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.cross_validation.assign_folds import assign_folds
from tests.cross_validation.scene import cells, params


@pytest.mark.parametrize("strategy", ["subject", "official", "stratified"])
def test_every_cell_is_in_one_fold_and_the_folds_are_alike(strategy: str) -> None:
    table = cells()
    table["test_fold"] = assign_folds(table, params(strategy))
    counts = pd.crosstab(table["test_fold"], table["label"])
    assert counts.to_numpy().tolist() == [[12, 12]] * 3


def test_by_subject_a_group_is_in_one_fold_also_where_sizes_differ() -> None:
    table = pd.concat([cells(), cells(12, 7).assign(image=lambda rows: "b" + rows["image"])])
    table = table.reset_index(drop=True)
    table["group"] = table["group"].replace({"a1": "a1+a2", "a2": "a1+a2"})
    numbers = pd.Series(assign_folds(table, params(folds=[1, 2, 3, 4])))
    assert set(numbers.groupby(table["group"]).nunique()) == {1}
    sizes = numbers.value_counts()
    assert sizes.max() - sizes.min() <= 8


def test_official_folds_are_numbered_in_the_order_of_their_names() -> None:
    table = cells()
    numbers = assign_folds(table, params("official"))
    assert numbers == [int(name.removeprefix("fold_")) + 1 for name in table["fold"]]


@pytest.mark.parametrize("strategy", ["subject", "official", "stratified"])
def test_the_order_of_the_rows_does_not_matter(strategy: str) -> None:
    table = cells()
    mixed = table.sample(frac=1, random_state=np.random.PCG64(3))
    by_image = dict(zip(table["image"], assign_folds(table, params(strategy)), strict=True))
    assert assign_folds(mixed, params(strategy)) == [by_image[image] for image in mixed["image"]]


def with_empty(table: pd.DataFrame, column: str) -> pd.DataFrame:
    table.loc[3, column] = ""
    return table


@pytest.mark.parametrize(
    ("table", "strategy", "folds", "complaint"),
    [
        (with_empty(cells(), "subject"), "subject", 3, r"1 of 72 cells is not known .*all_0_3"),
        (cells(subjects=4), "subject", 5, r"5 folds, but the hem cells are of 4 .*at most 4 folds"),
        (cells(subjects=2), "subject", 3, r"hem cells are of 2 .*3 folds are the fewest"),
        (with_empty(cells(), "fold"), "official", 3, r"1 of 72 cells have no fold .*all_0_3"),
        (cells(), "official", 5, r"fold_0, fold_1, fold_2, but .* lists 5; expected \[1, 2, 3\]"),
        (cells(1, 2), "stratified", 3, r"a class has 2 cells; list fewer folds"),
        (
            cells().query("label == 'all' or fold != 'fold_1'"),
            "official",
            3,
            "fold 2 would have no hem cells",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused(
    table: pd.DataFrame, strategy: str, folds: int, complaint: str
) -> None:
    with pytest.raises(StageError, match=complaint):
        assign_folds(table, params(strategy, range(1, folds + 1)))
