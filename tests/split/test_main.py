from __future__ import annotations

import json

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.cell_table import COLUMNS, read_cells
from stages.split.__main__ import split
from stages.split.params import SplitParams
from tests.conftest import ROOT, tiny_members
from tests.external_sets import no_external_sets, with_external_sets
from tests.own_sets import encoded, picture

STRATEGIES = ["stratified", "subject"]


def run(
    archive,
    folder,
    strategy="stratified",
    *,
    seed=123,
    given=ROOT / "given_split.csv",
    external=None,
):
    """Run the stage; return the cells of both tables, its report, and what it says."""
    said = split(
        SplitParams(strategy, 0.25, 0.25, seed),
        archive=archive,
        external=external or no_external_sets(folder),
        given_csv=given,
        cells_csv=folder / "splits/cells.csv",
        external_csv=folder / "splits/external.csv",
        identical_csv=folder / "splits/identical_images.csv",
        report=folder / "metrics/split.json",
    )
    report = json.loads((folder / "metrics/split.json").read_text())
    tables = [
        read_cells(folder / "splits/cells.csv"),
        read_external(folder),
    ]
    return pd.concat(tables, ignore_index=True).fillna(""), report, said


def read_external(folder):
    return read_cells(folder / "splits/external.csv", external=True)


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
    assert set(read_external(tmp_path)["split"]) == {"external"}


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
    assert "external" not in report
    assert set(cells["split"]) == {"train", "val", "test"}
    assert cells["field"].dtype == cells["cell"].dtype == "str"


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


def own_members(columns, rows):
    """An archive of own cells: a table with these columns besides file_name and label."""
    table = pd.DataFrame(rows, columns=["file_name", "label", *columns])
    table["file_name"] = "images/" + table["file_name"]
    pictures = {
        name: encoded(picture(number, size=(20, 20)))
        for number, name in enumerate(table["file_name"])
    }
    return pictures | {"metadata.csv": table.to_csv(index=False).encode()}


LABELS = ["all", "hem"] * 10


def test_without_subjects_nothing_is_invented(write_archive, tmp_path):
    members = own_members([], [(f"{n:02}.png", label) for n, label in enumerate(LABELS)])
    members["images/07.png"] = members["images/05.png"]
    cells, report, said = run(write_archive(members), tmp_path)
    assert (cells[["subject", "field", "cell", "fold"]] == "").all(axis=None)
    expected = {f"{n:02}.png": f"{n:02}.png" for n in range(20)} | {"07.png": "05.png"}
    assert dict(zip(cells["image"], cells["group"], strict=True)) == expected
    assert report["leakage"] | {"identical_images": None} == dict.fromkeys(report["leakage"])
    assert report["test_cells_known_by"] == {"subject": None, "field": None}
    assert [report[part]["subjects"] for part in ("train", "val", "test")] == [None] * 3
    assert "; an unknown number of subjects in more than one part; " in said


def test_by_subject_every_subject_must_be_known(write_archive, tmp_path):
    rows = [(f"{n:02}.png", label, "" if n == 3 else f"{n}") for n, label in enumerate(LABELS)]
    archive = write_archive(own_members(["subject"], rows))
    with pytest.raises(StageError) as caught:
        run(archive, tmp_path, "subject")
    assert str(caught.value) == (
        "split.strategy is subject, but the subject of 1 of 20 cells is not known (first: 03.png); "
        "give subjects in a metadata.csv, or set split.strategy to stratified in params.yaml, "
        "which cannot keep people apart"
    )


def test_own_subjects_of_any_name_do_not_leak_and_columns_are_carried(write_archive, tmp_path):
    rows = [
        (f"{n:02}.png", label, f"patient {n // 2 % 5}-{label}", "s1", f"scanner {n % 2}")
        for n, label in enumerate(LABELS)
    ]
    archive = write_archive(own_members(["subject", "field", "scanner"], rows))
    cells, report, _ = run(archive, tmp_path, "subject")
    assert list(cells.columns) == [*COLUMNS, "scanner"]
    assert set(cells["scanner"]) == {"scanner 0", "scanner 1"}
    assert not any(report["leakage"].values())
    assert (
        report["train"]["subjects"] + report["val"]["subjects"] + report["test"]["subjects"] == 10
    )


def test_images_that_look_the_same_are_counted_and_shown(write_archive, tmp_path):
    members = own_members([], [(f"{n:02}.png", label) for n, label in enumerate(LABELS)])
    members["images/05.png"] = encoded(picture(5, size=(120, 120)))
    members["images/07.png"] = encoded(picture(5, size=(120, 120)), "JPEG", quality=90)
    _, report, said = run(write_archive(members), tmp_path)
    assert report["near_identical_pairs"]["found"] == 1
    assert report["leakage"]["identical_images"] == 0
    assert "; pairs of images that look the same: 1 (" in said
    assert said.endswith(", such as images/05.png and images/07.png")


PARTS = ["train", "train", "Validation", "val", "test", "test"]


def test_the_parts_that_the_archive_gives_are_taken(write_archive, tmp_path):
    rows = [(f"{n}.png", LABELS[n], PARTS[n].lower()) for n in range(6)]
    rows = [(name, label, {"validation": "val"}.get(part, part)) for name, label, part in rows]
    cells, report, said = run(write_archive(own_members(["split"], rows)), tmp_path, "given")
    assert cells["split"].tolist() == ["train", "train", "val", "val", "test", "test"]
    assert report["strategy"] == "given"
    assert report["deviation_points"] == {}
    assert said == (
        "2 train, 2 val, 2 test cells by strategy given; an unknown number of subjects "
        "in more than one part"
    )


def test_a_published_split_is_taken_over_by_another_who_has_the_set(
    write_archive, tmp_path, members
):
    first, report, _ = run(write_archive(members), tmp_path / "one", "subject", seed=5)
    published = tmp_path / "given_split.csv"
    table = pd.read_csv(tmp_path / "one/splits/cells.csv", dtype=str, keep_default_na=False)
    table[["image", "split"]].sample(frac=1, random_state=1).to_csv(published, index=False)
    moved = {name.replace("C-NMC_Leukemia", "mirror"): body for name, body in members.items()}
    archive = write_archive(moved, "mirror.zip")
    second, again, _ = run(archive, tmp_path / "two", "given", given=published)
    assert second[["image", "split"]].equals(first[["image", "split"]])
    assert again["leakage"] == report["leakage"]
    whole = tmp_path / "one/splits/cells.csv"  # its other columns do no harm
    third, _, _ = run(archive, tmp_path / "three", "given", given=whole)
    assert third["split"].equals(first["split"])


def test_a_table_goes_before_the_parts_of_the_archive(write_archive, tmp_path):
    rows = [(f"{n}.png", LABELS[n], "train") for n in range(6)]
    given = tmp_path / "given_split.csv"
    given.write_text("image,split\n" + "".join(f"{n}.png,{PARTS[n]}\n" for n in range(6)))
    archive = write_archive(own_members(["split"], rows))
    cells, _, _ = run(archive, tmp_path, "given", given=given)
    assert cells["split"].tolist() == ["train", "train", "val", "val", "test", "test"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("image,split\n", "given_split.csv has no rows, and the archive does not say which image "),
        ("image,part\n0.png,train\n", "has columns image, part, but no split; expected image and "),
        (
            "image,split\n0.png,dev\n",
            "split of 0.png is 'dev'; expected one of train, val, valid, ",
        ),
        ("image,split\n0.png,val\n0.png,val\n", "has two rows for 0.png; leave one of them out"),
        ("image,split\n0.png,val\n", "has no part for 5 of 6 images (first: 1.png); give each one"),
        ("image,split\n9.png,val\n", "names 1 images that the archive lacks (first: 9.png); the "),
        ("", "given_split.csv cannot be read (No columns to parse from file)"),
        (
            "image,split\n"
            + "".join(f"{n}.png,{'train' if n < 4 else 'test'}\n" for n in range(6)),
            "in the given split val would have no hem, val would have no all; expected cells of ",
        ),
    ],
)
def test_a_split_that_is_not_complete_is_refused(write_archive, tmp_path, text, told):
    given = tmp_path / "given_split.csv"
    given.write_text(text)
    archive = write_archive(own_members([], [(f"{n}.png", LABELS[n]) for n in range(6)]))
    with pytest.raises(StageError) as caught:
        run(archive, tmp_path, "given", given=given)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_archive_that_gives_some_images_no_part_is_refused(write_archive, tmp_path):
    rows = [(f"{n}.png", LABELS[n], PARTS[n].lower() if n else "") for n in range(6)]
    archive = write_archive(own_members(["split"], rows))
    with pytest.raises(StageError, match=r"the archive has no part for 1 of 6 images \(first: 0\."):
        run(archive, tmp_path, "given")


def test_no_split_is_given_where_the_project_begins():
    assert (ROOT / "given_split.csv").read_text() == "image,split\n"


def own_pictures(first, *, labels=("all", "hem"), count=3):
    """Pictures of an own set, by path."""
    return {
        f"{label}/{n}.png": encoded(picture(first + 10 * k + n, size=(20, 20)))
        for k, label in enumerate(labels)
        for n in range(count)
    }


def test_each_external_set_is_a_part_of_its_own(write_archive, tmp_path, members):
    archive = write_archive(members)
    _, before, _ = run(archive, tmp_path / "before")
    folder = tmp_path / "after"
    sets = {"zurich": own_pictures(1000), "Oslo_2": own_pictures(2000, count=2)}
    _, report, said = run(archive, folder, external=with_external_sets(folder, sets))
    external = read_external(folder)
    assert external["split"].tolist() == ["external"] * 2 + ["zurich"] * 6 + ["Oslo_2"] * 4
    assert external["image"].tolist()[2:5] == ["all/0.png", "all/1.png", "all/2.png"]
    assert ", 2 external, 6 zurich, 4 Oslo_2 cells by strategy stratified; " in said
    part = {"subjects": None, "hem_share": 0.5, "all_share": 0.5}
    known = {"images_in_training": 0, "images_like_training": 0}
    assert report["zurich"] == {"cells": 6, **part, **known}
    assert report["Oslo_2"] == {"cells": 4, **part, **known}
    assert list(report)[:6] == ["strategy", "train", "val", "test", "external", "zurich"]
    for key, value in before.items():  # what is not known of a set says nothing of the others
        assert report[key] == value


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_external_sets_change_no_byte_of_the_table_of_cells(
    write_archive, tmp_path, members, strategy
):
    archive, folder = write_archive(members), tmp_path / "with"
    shared = {"all/copy.bmp": members[member_of(members, "UID_3_1_1_all.bmp")]}
    external = with_external_sets(folder, {"a": own_pictures(1) | shared}, allow_shared=True)
    run(archive, tmp_path / "without", strategy)
    run(archive, folder, strategy, external=external)
    tables = [(tmp_path / name / "splits/cells.csv").read_bytes() for name in ("without", "with")]
    assert tables[0] == tables[1]


def test_a_picture_of_training_in_an_external_set_is_an_error_that_names_both(
    write_archive, tmp_path, members
):
    copy = {"all/copy.bmp": members[member_of(members, "UID_3_1_1_all.bmp")]}
    external = with_external_sets(tmp_path, {"zurich": own_pictures(1000) | copy})
    with pytest.raises(StageError) as caught:
        run(write_archive(members), tmp_path, external=external)
    assert str(caught.value) == (
        "1 of the 7 pictures of the external set zurich are in the training set, too: all/copy.bmp "
        "there is UID_3_1_1_all.bmp; leave them out of one of both, or set `allow_shared: true` of "
        "zurich in download.external"
    )
    assert not (tmp_path / "splits").exists()


def test_a_picture_that_may_be_shared_is_counted_as_leakage(write_archive, tmp_path, members):
    copy = {"all/copy.bmp": members[member_of(members, "UID_3_1_1_all.bmp")]}
    sets = {"zurich": own_pictures(1000) | copy}
    external = with_external_sets(tmp_path, sets, allow_shared=True)
    _, report, _ = run(write_archive(members), tmp_path, "subject", external=external)
    assert report["leakage"] == {"subjects": 0, "fields": 0, "identical_images": 1}
    assert report["zurich"]["images_in_training"] == 1


def test_pictures_that_look_like_those_of_training_are_counted(write_archive, tmp_path):
    pixels = picture(7, size=(60, 60))
    rows = [(f"{n:02}.png", label) for n, label in enumerate(LABELS)]
    ours = own_members([], rows) | {"images/00.png": encoded(pixels)}
    alike = {"all/again.jpg": encoded(pixels, "JPEG", quality=90)}
    external = with_external_sets(tmp_path, {"zurich": own_pictures(1000) | alike})
    _, report, said = run(write_archive(ours), tmp_path, external=external)
    assert report["zurich"]["images_like_training"] == 1
    assert "such as images/00.png and zurich: images/all/again.jpg" in said
