from __future__ import annotations

import json

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.cell_table import COLUMNS, read_cells
from stages.split.__main__ import split
from stages.split.params import SplitParams
from tests.conftest import tiny_members

STRATEGIES = ["stratified", "subject"]


def run(archive, folder, strategy="stratified", *, seed=123):
    """Run the stage; return the cells of both tables, its report, and what it says."""
    said = split(
        SplitParams(strategy, 0.25, 0.25, seed),
        archive=archive,
        cells_csv=folder / "splits/cells.csv",
        external_csv=folder / "splits/external.csv",
        report=folder / "metrics/split.json",
    )
    report = json.loads((folder / "metrics/split.json").read_text())
    tables = [read_cells(folder / f"splits/{name}.csv") for name in ("cells", "external")]
    return pd.concat(tables, ignore_index=True), report, said


@pytest.fixture
def members():
    return tiny_members(cells=6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_cell_has_a_row_and_a_part(write_archive, tmp_path, members, strategy):
    cells, report, said = run(write_archive(members), tmp_path, strategy)
    assert list(cells.columns) == list(COLUMNS)
    assert set(cells["member"]) == {name for name in members if name.endswith(".bmp")}
    assert len(cells) == 74
    assert cells["split"].value_counts().to_dict() == {
        name: report[name]["cells"] for name in ("train", "val", "test", "external")
    }
    assert report["strategy"] == strategy
    assert said.startswith("36 train, ")
    assert f", 2 external cells by strategy {strategy}; " in said


def test_by_subject_nothing_leaks_and_by_image_it_is_told(write_archive, tmp_path, members):
    cells, report, _ = run(write_archive(members), tmp_path, "subject")
    assert not any(report["leakage"].values())
    cells, report, said = run(write_archive(members), tmp_path, "stratified")
    leaking = int((cells.groupby("subject")["split"].agg(set).map(len) > 1).sum())
    assert report["leakage"]["subjects"] == leaking > 0
    assert f"{leaking} subjects in more than one part" in said


def test_labelled_preliminary_images_are_external(write_archive, tmp_path, members):
    cells, _, _ = run(write_archive(members), tmp_path)
    external = cells[cells["split"] == "external"]
    assert external["image"].tolist() == ["1.bmp", "2.bmp"]
    assert external["subject"].tolist() == ["91", "H92"]
    assert external["label"].tolist() == ["all", "hem"]
    assert set(external["fold"]) == {"preliminary"}


def test_external_cells_have_a_table_of_their_own(write_archive, tmp_path, members):
    run(write_archive(members), tmp_path)
    assert set(read_cells(tmp_path / "splits/cells.csv")["split"]) == {"train", "val", "test"}
    assert set(read_cells(tmp_path / "splits/external.csv")["split"]) == {"external"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_other_external_cells_change_no_byte_of_the_table_of_cells(
    write_archive, tmp_path, strategy
):
    members = tiny_members(cells=6, external=4)
    for copy, name in (("1.bmp", "UID_3_1_1_all.bmp"), ("3.bmp", "UID_2_1_1_all.bmp")):
        members[member_of(members, copy)] = members[member_of(members, name)]
    tables = []
    for number, given in enumerate((members, tiny_members(cells=6, external=0))):
        run(write_archive(given, f"{number}.zip"), tmp_path / f"{number}", strategy)
        tables.append((tmp_path / f"{number}/splits/cells.csv").read_bytes())
    assert tables[0] == tables[1]


def test_an_archive_without_preliminary_images_has_no_external_part(write_archive, tmp_path):
    cells, report, _ = run(write_archive(tiny_members(external=0)), tmp_path)
    assert report["external"] == {"cells": 0, "subjects": 0}
    assert cells["field"].dtype == cells["cell"].dtype == "int64"


def member_of(members, name):
    return next(member for member in members if member.endswith(f"/{name}"))


def test_subjects_that_share_an_image_stay_together(write_archive, tmp_path, members):
    for one, other in (("1_1_1_all", "2_4_1_all"), ("2_1_1_all", "H1_1_1_hem")):
        members[member_of(members, f"UID_{one}.bmp")] = members[
            member_of(members, f"UID_{other}.bmp")
        ]
    cells, report, _ = run(write_archive(members), tmp_path, "subject")
    together = cells[cells["subject"].isin(["1", "2", "H1"])]
    assert set(together["group"]) == {"1+2+H1"}
    assert len(set(together["split"])) == 1
    assert report["leakage"] == {"subjects": 0, "fields": 0, "identical_images": 0}


def test_an_external_copy_of_a_training_image_is_leakage(write_archive, tmp_path, members):
    members[member_of(members, "1.bmp")] = members[member_of(members, "UID_3_1_1_all.bmp")]
    cells, report, _ = run(write_archive(members), tmp_path, "subject")
    assert report["leakage"] == {"subjects": 0, "fields": 0, "identical_images": 1}
    assert set(cells.loc[cells["subject"] == "91", "group"]) == {"3+91"}
    assert set(cells.loc[cells["subject"] == "3", "group"]) == {"3"}


def test_a_rejected_split_writes_nothing(write_archive, tmp_path):
    archive = write_archive(tiny_members(subjects=2))
    with pytest.raises(StageError, match="are of 2 groups of subjects"):
        run(archive, tmp_path, "subject")
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_the_archive(
    write_archive, tmp_path, members, strategy
):
    turned = dict(reversed(members.items()))
    for folder, given in (("one", members), ("other", turned)):
        run(write_archive(given, f"{folder}.zip"), tmp_path / folder, strategy)
    for name in ("splits/cells.csv", "splits/external.csv", "metrics/split.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_real_images_by_subject_do_not_leak(real_sample, tmp_path):
    cells, report, _ = run(real_sample, tmp_path, "subject")
    assert not any(report["leakage"].values())
    assert {"20+21", "51+75+78", "H3+H10"} <= set(cells["group"])
    assert report["external"]["cells"] == 2


def test_real_images_by_image_leak_and_the_report_says_so(real_sample, tmp_path):
    _, report, _ = run(real_sample, tmp_path, "stratified")
    assert all(report["leakage"].values())
    assert report["deviation_points"]["class_share"] < 1
