from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.cross_validation.folds import folds
from stages.dataset.cell_table import read_cells, write_cells
from tests.cross_validation.scene import cells, params

PAIR = pd.DataFrame({"identical_set": [1, 1], "image": ["all_0_0.bmp", "all_1_0.bmp"]})


def run(folder: Path, strategy: str = "subject", identical: pd.DataFrame = PAIR[:0]) -> Path:
    """Run the stage; return the folder of its tables."""
    write_cells(cells(), folder / "cells.csv")
    identical.to_csv(folder / "identical.csv", index=False)
    folds(
        params(strategy),
        cells_csv=folder / "cells.csv",
        identical_csv=folder / "identical.csv",
        folds=folder / "folds",
        report=folder / "folds.json",
    )
    return folder / "folds"


def test_each_cell_is_tested_once_validated_once_and_else_trained_on(tmp_path: Path) -> None:
    tables = [read_cells(run(tmp_path) / f"fold-{number}.csv") for number in (1, 2, 3)]
    together = pd.concat(tables)
    for split in ("test", "val", "train"):
        assert sorted(together.loc[together["split"] == split, "image"]) == sorted(cells()["image"])


def test_no_subject_is_in_two_parts(tmp_path: Path) -> None:
    for path in sorted(run(tmp_path).iterdir()):
        table = read_cells(path)
        parts = table.groupby("subject")["split"].nunique()
        assert set(parts) == {1}


def test_in_official_folds_an_image_is_left_out_where_it_is_tested(tmp_path: Path) -> None:
    made = run(tmp_path, "official", PAIR)
    splits = {
        path.name: dict(read_cells(path)[["image", "split"]].to_numpy())
        for path in sorted(made.iterdir())
    }
    first, second = PAIR["image"]
    assert first in splits["fold-1.csv"]  # tested here
    assert second not in splits["fold-1.csv"]
    assert splits["fold-2.csv"][second] == "test"
    assert first not in splits["fold-2.csv"]
    report = json.loads((tmp_path / "folds.json").read_text())
    assert report["identical_images_in_several_folds"] == 1
    left_out = [fold["identical_images_left_out"] for fold in report["folds"].values()]
    assert left_out == [1, 1, 1]


def test_by_image_what_the_folds_share_is_counted(tmp_path: Path) -> None:
    made = run(tmp_path, "stratified")
    tested = pd.concat(
        read_cells(path).query("split == 'test'").assign(fold=path.name) for path in made.iterdir()
    )
    folds_of_subject = tested.groupby("subject")["fold"].agg(set)
    several = sum(len(found) > 1 for found in folds_of_subject)
    assert several
    report = json.loads((tmp_path / "folds.json").read_text())
    assert report["subjects_in_several_folds"] == several


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (PAIR.assign(image=["other.bmp", "all_0_0.bmp"]), r"other\.bmp is no cell of the archive"),
        (PAIR.rename(columns={"image": "name"}), r"identical\.csv cannot be read"),
    ],
)
def test_another_archives_identical_images_are_refused(
    tmp_path: Path, table: pd.DataFrame, complaint: str
) -> None:
    with pytest.raises(StageError, match=rf"{complaint}.*--single-item split`"):
        run(tmp_path, identical=table)
    assert not (tmp_path / "folds").exists()
