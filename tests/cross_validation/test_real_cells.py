"""Folds of real cells, where a sample of them is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.cross_validation.folds import folds
from stages.dataset.cell_table import read_cells
from stages.split.__main__ import split
from stages.split.params import SplitParams
from tests.conftest import ROOT
from tests.cross_validation.scene import params
from tests.external_sets import no_external_sets

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def parts(real_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what split makes of the sample."""
    folder = tmp_path_factory.mktemp("parts")
    split(
        SplitParams("subject", 0.15, 0.15, 123),
        archive=real_sample,
        external=no_external_sets(folder),
        given_csv=ROOT / "given_split.csv",
        cells_csv=folder / "cells.csv",
        external_csv=folder / "external.csv",
        identical_csv=folder / "identical.csv",
        report=folder / "split.json",
    )
    return folder


def tables(parts: Path, folder: Path, strategy: str, count: int) -> list[pd.DataFrame]:
    """The tables of `count` folds."""
    folds(
        params(strategy, range(1, count + 1)),
        cells_csv=parts / "cells.csv",
        identical_csv=parts / "identical.csv",
        folds=folder / "folds",
        report=folder / "folds.json",
    )
    return [read_cells(folder / f"folds/fold-{number}.csv") for number in range(1, count + 1)]


def report(folder: Path) -> Any:
    return json.loads((folder / "folds.json").read_text())


def of_test(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["split"] == "test"]


def test_by_subject_there_are_as_many_folds_as_the_smaller_class_has_groups(
    parts: Path, tmp_path: Path
) -> None:
    cells = read_cells(parts / "cells.csv")
    count = int(cells.groupby("label")["group"].nunique().min())
    with pytest.raises(StageError, match=f"list at most {count} folds"):
        tables(parts, tmp_path / "more", "subject", count + 1)
    made = tables(parts, tmp_path, "subject", count)
    assert sorted(pd.concat(map(of_test, made))["image"]) == sorted(cells["image"])
    for table in made:
        assert set(of_test(table)["label"]) == {"all", "hem"}
        assert set(table.groupby("group")["split"].nunique()) == {1}
    assert report(tmp_path)["identical_images_in_several_folds"] == 0


def test_in_official_folds_no_tested_image_was_trained_on(parts: Path, tmp_path: Path) -> None:
    identical = pd.read_csv(parts / "identical.csv").set_index("image")["identical_set"]
    left_out = []
    for table in tables(parts, tmp_path, "official", 3):
        sets = table["image"].map(identical)
        assert not set(sets[table["split"] == "test"].dropna()) & set(
            sets[table["split"] != "test"].dropna()
        )
        left_out.append(1160 - len(table))
    told = report(tmp_path)
    assert [fold["identical_images_left_out"] for fold in told["folds"].values()] == left_out
    assert sum(left_out)
