from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.compare.pairs import pair

from .conftest import cells, measured, noisier

CELLS = cells()


def test_the_same_cells_stay_as_they_are() -> None:
    old, new = measured(CELLS), measured(noisier(CELLS, noise=1), name="new")

    paired = pair(old, new, common=False)

    pd.testing.assert_frame_equal(paired.old.test, old.test)
    pd.testing.assert_frame_equal(paired.new.test, new.test)
    assert paired.left_out == (0, 0)


def test_other_cells_are_refused_with_how_many_are_shared() -> None:
    with pytest.raises(
        StageError,
        match=r"main and new were not measured on the same test cells: of 160 and 150 they share "
        r"150\. .* --common",
    ):
        pair(measured(CELLS), measured(CELLS.iloc[10:], name="new"), common=False)


def test_common_cells_stand_row_for_row() -> None:
    paired = pair(measured(CELLS.iloc[:120]), measured(CELLS.iloc[50:]), common=True)

    assert paired.left_out == (50, 40)
    assert paired.old.test["image"].tolist() == paired.new.test["image"].tolist()
    assert len(paired.old.test) == 70


def test_cells_in_common_of_one_class_are_refused() -> None:
    only_all = CELLS[CELLS["label"] == "all"]

    with pytest.raises(StageError, match="share 80 test cells, not of both classes"):
        pair(measured(CELLS), measured(only_all), common=True)


def test_no_cells_in_common_are_refused() -> None:
    other = CELLS.assign(image="other_" + CELLS["image"])

    with pytest.raises(StageError, match="share 0 test cells, not of both classes"):
        pair(measured(CELLS), measured(other), common=True)


@pytest.mark.parametrize(("column", "value"), [("label", "hem"), ("subject", "99")])
def test_an_image_of_another_class_or_subject_is_refused(column: str, value: str) -> None:
    other = CELLS.copy()
    other.loc[0, column] = value

    with pytest.raises(StageError, match=f"is of {column} .* in main and {value} in new; the data"):
        pair(measured(CELLS), measured(other, name="new"), common=True)


def test_pseudonyms_by_other_keys_are_named_as_the_reason() -> None:
    old = replace(measured(CELLS), pseudonym_key="12ab34cd")
    renamed = measured(CELLS.assign(image="i" + CELLS["image"]), name="new")

    for key, told in (("99ff99ff", "pseudonyms by the key 99ff99ff"), (None, "no pseudonyms")):
        with pytest.raises(
            StageError,
            match=rf"cells of main \(pseudonyms by the key 12ab34cd\) and of new \({told}\)",
        ):
            pair(old, replace(renamed, pseudonym_key=key), common=True)
    # A further set with pseudonyms changes nothing about cells that keep their names.
    assert pair(old, measured(CELLS, name="new"), common=False).left_out == (0, 0)


def test_a_subject_that_only_one_side_knows_is_told() -> None:
    unknown = measured(CELLS.assign(subject=""), name="new")

    with pytest.raises(StageError, match=r"is of subject 1 in main and unknown in new; the data d"):
        pair(measured(CELLS), unknown, common=False)
