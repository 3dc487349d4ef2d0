from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.appearance_table import add_appearance, read_appearance

APPEARANCES = pd.DataFrame(
    {
        "set": ["training", "training", "zurich"],
        "image": ["a.bmp", "b.bmp", "a.bmp"],
        "area": [0.2, 0.4, 0.9],
        "brightness": [90.0, 99.5, 10.0],
    }
)
CELLS = pd.DataFrame({"split": ["test", "zurich", "val"], "image": ["b.bmp", "a.bmp", "a.bmp"]})


def test_each_cell_gets_its_appearance_in_any_order_and_that_of_its_own_set() -> None:
    found = add_appearance(CELLS, APPEARANCES, Path("appearance.csv"))
    assert found["area"].tolist() == [0.4, 0.9, 0.2]
    assert found["brightness"].tolist() == [99.5, 10.0, 90.0]


@pytest.mark.parametrize(
    ("appearances", "lack"),
    [
        (APPEARANCES.iloc[1:], "lacks a.bmp"),
        (APPEARANCES.assign(image="b.bmp"), "lacks a.bmp"),
        (pd.concat([APPEARANCES, APPEARANCES]), "lists a cell twice"),
    ],
)
def test_a_cell_without_its_one_appearance_is_refused(appearances: pd.DataFrame, lack: str) -> None:
    with pytest.raises(StageError, match=rf"appearance\.csv {lack}; .*--single-item preprocess`"):
        add_appearance(CELLS, appearances, Path("appearance.csv"))


def test_a_useless_table_of_appearances_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "appearance.csv"
    with pytest.raises(StageError, match=r"cannot be read .*; make it again"):
        read_appearance(path)
    path.write_text("set,image,area\n")
    with pytest.raises(StageError, match=r"lacks columns brightness, red, .*; make"):
        read_appearance(path)
