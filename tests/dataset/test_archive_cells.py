from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.archive import REBUILD, open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.archive_layout import FINAL_FOLDER, PRELIMINARY, PRELIMINARY_LABELS
from tests.conftest import TRAINING, VALIDATION, WriteArchive, bmp, tiny_members

LABELS = f"{VALIDATION}/{PRELIMINARY_LABELS}"
HEADER = b"Patient_ID,new_names,labels\n"
FIRST, SECOND = b"UID_91_1_1_all.bmp,1.bmp,1\n", b"UID_H92_1_1_hem.bmp,2.bmp,0\n"


def listed(path: Path) -> pd.DataFrame:
    with open_archive(path) as archive:
        return pd.concat([training_cells(archive), external_cells(archive)], ignore_index=True)


def failure(path: Path) -> str:
    """The one line in which the archive is refused; it names the archive and the remedy."""
    with pytest.raises(StageError) as caught:
        listed(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(f"; {REBUILD}")
    assert "\n" not in message
    return message


def test_each_training_image_is_one_row_by_name(write_archive: WriteArchive) -> None:
    with open_archive(write_archive()) as archive:
        cells = training_cells(archive)
        members = [member for member in archive.namelist() if "training_data" in member]
    assert sorted(cells["member"]) == sorted(members)
    assert cells["image"].is_monotonic_increasing
    row = cells[cells["image"] == "UID_H4_2_1_hem.bmp"].iloc[0].to_dict()
    assert row == {
        "image": "UID_H4_2_1_hem.bmp",
        "member": f"{TRAINING}/fold_1/hem/UID_H4_2_1_hem.bmp",
        "label": "hem",
        "subject": "H4",
        "field": "2",
        "cell": "1",
        "fold": "fold_1",
    }


def test_preliminary_images_get_their_identity_from_the_label_file(
    write_archive: WriteArchive,
) -> None:
    with open_archive(write_archive()) as archive:
        cells = external_cells(archive)
    assert cells["image"].tolist() == ["1.bmp", "2.bmp"]
    assert cells["subject"].tolist() == ["91", "H92"]
    assert cells["label"].tolist() == ["all", "hem"]
    assert set(cells["fold"]) == {"preliminary"}


def test_labels_without_an_image_are_no_cells(write_archive: WriteArchive) -> None:
    members = tiny_members(external=2)
    del members[f"{VALIDATION}/{PRELIMINARY}/1.bmp"]
    with open_archive(write_archive(members)) as archive:
        assert external_cells(archive)["image"].tolist() == ["2.bmp"]


@pytest.mark.parametrize("external", [0, 2])
def test_the_columns_have_the_types_of_the_cell_table(
    write_archive: WriteArchive, external: int
) -> None:
    path = write_archive(tiny_members(external=external))
    with open_archive(path) as archive:
        tables = [training_cells(archive), external_cells(archive), listed(path)]
    for table in tables:
        assert {str(kind) for kind in table.dtypes} == {"str"}


def test_unlabelled_test_images_are_not_cells(write_archive: WriteArchive) -> None:
    final = f"C-NMC_Leukemia/{FINAL_FOLDER}/1.bmp"
    assert len(listed(write_archive(tiny_members() | {final: b"image"}))) == 50


def test_one_class_alone_is_refused(write_archive: WriteArchive) -> None:
    members = {path: content for path, content in tiny_members().items() if "/all/" not in path}
    assert "no training images of class all; expected BMP" in failure(write_archive(members))


def test_an_archive_of_something_else_is_refused(write_archive: WriteArchive) -> None:
    message = failure(write_archive({"README.txt": b"hello"}))
    assert "no training images of class all and hem" in message
    assert "found 1 file (1 *.txt)" in message


def test_the_most_frequent_kinds_of_files_are_told(write_archive: WriteArchive) -> None:
    members = {f"{kind}/{number}.{kind}": b"" for kind in "abcdef" for number in range(ord(kind))}
    assert "found 597 files (102 f/*.f, 101 e/*.e, 100 d/*.d, 99 c/*.c, 2 more kinds)" in failure(
        write_archive(members)
    )


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("fold_0/all/UID_1_1_all.bmp", "expected an image name of the form"),
        ("fold_0/all/notes.txt", "expected an image name of the form"),
        ("fold_0/all/UID_H1_1_1_all.bmp", "subject H1 is healthy by its name"),
        ("fold_0/all/UID_H1_1_2_hem.bmp", "of class hem by its name, but lies in a folder of"),
        ("fold_0/all/UID_1_1_1_all.bmp", "one image name stands twice"),
    ],
)
def test_a_wrong_image_name_is_refused(
    write_archive: WriteArchive, path: str, problem: str
) -> None:
    message = failure(write_archive(tiny_members() | {f"{TRAINING}/{path}": b"image"}))
    assert f"{TRAINING}/{path}" in message
    assert problem in message


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (HEADER + FIRST, "has no row for 2.bmp"),
        (HEADER + FIRST + SECOND + SECOND, "has two rows for 2.bmp"),
        (HEADER + FIRST + SECOND.replace(b",0", b",1"), "labels UID_H92_1_1_hem.bmp as '1'; exp"),
        (HEADER + FIRST + SECOND.replace(b",0", b""), "labels UID_H92_1_1_hem.bmp as "),
        (HEADER + FIRST + b"92.bmp,2.bmp,0\n", "92.bmp: expected an image name of the form"),
        (b"name,label\n1.bmp,1\n", "has columns name, label; expected Patient_ID, new_names, la"),
        (HEADER + FIRST + b"1,2,3,4\n", "cannot be read as CSV (Error tokenizing data"),
        (b"", "cannot be read as CSV (No columns to parse from file)"),
        (HEADER + b"\xff\xfe,1.bmp,1\n", "cannot be read as CSV ('utf-8' codec can't decode"),
    ],
)
def test_a_wrong_label_file_is_refused(
    write_archive: WriteArchive, labels: bytes, problem: str
) -> None:
    message = failure(write_archive(tiny_members() | {LABELS: labels}))
    assert PRELIMINARY_LABELS in message
    assert problem in message


@pytest.mark.parametrize("found", [0, 2])
def test_one_label_file_is_expected(write_archive: WriteArchive, found: int) -> None:
    members = tiny_members()
    content = members.pop(LABELS)
    members |= {f"{VALIDATION}/{number}/{PRELIMINARY_LABELS}": content for number in range(found)}
    assert f"expected one {PRELIMINARY_LABELS}" in failure(write_archive(members))


def test_a_preliminary_image_that_stands_twice_is_refused(write_archive: WriteArchive) -> None:
    members = tiny_members() | {f"copy/{PRELIMINARY}/1.bmp": b"image"}
    assert "one image name stands twice" in failure(write_archive(members))


def test_folds_may_have_numbers_of_several_digits(write_archive: WriteArchive) -> None:
    path = write_archive(tiny_members() | {f"{TRAINING}/fold_10/all/UID_5_9_9_all.bmp": bmp(1)})
    with open_archive(path) as archive:
        assert "fold_10" in set(training_cells(archive)["fold"])


def nested(path: str) -> str:
    """Where mirrors put it: under folders of their own, each folder within one of its name."""
    parts = path.replace("C-NMC_Leukemia", "mirror").split("/")
    doubled = [part for folder in parts[:-1] for part in (folder, folder)]
    return "/".join([*doubled, parts[-1]])


@pytest.mark.parametrize(
    "moved",
    [
        nested,
        lambda path: path.removeprefix("C-NMC_Leukemia/"),
        lambda path: path.replace("C-NMC_Leukemia/training_data", "C-NMC_training_data"),
        lambda path: path.replace("C-NMC_Leukemia/training_data/", ""),
        lambda path: f"./download/{path}",
    ],
)
def test_a_mirror_that_nests_or_leaves_out_folders_has_the_same_cells(
    write_archive: WriteArchive, moved: object
) -> None:
    expected = listed(write_archive()).drop(columns="member")
    members = {moved(path): content for path, content in tiny_members().items()}
    mirrored = listed(write_archive(members, "mirror.zip"))
    assert set(mirrored["member"]) <= set(members)
    pd.testing.assert_frame_equal(mirrored.drop(columns="member"), expected)


@pytest.mark.parametrize(
    "clutter",
    [
        f"__MACOSX/{TRAINING}/fold_0/all/._UID_1_1_1_all.bmp",
        f"{TRAINING}/fold_0/all/Thumbs.db",
        f"{TRAINING}/fold_0/all/.DS_Store",
        f"{VALIDATION}/{PRELIMINARY}/desktop.ini",
        f"__MACOSX/{PRELIMINARY}/9.bmp",
        f"__MACOSX/{PRELIMINARY_LABELS}",
    ],
)
def test_what_operating_systems_leave_in_folders_is_no_cell(
    write_archive: WriteArchive, clutter: str
) -> None:
    expected = listed(write_archive())
    cluttered = write_archive(tiny_members() | {clutter: b"clutter"}, "cluttered.zip")
    pd.testing.assert_frame_equal(listed(cluttered), expected)


@pytest.mark.parametrize(
    ("image", "other"),
    [
        ("fold_1/hem/UID_H1_1_1_hem.bmp", "fold_0/hem/UID_h1_1_1_hem.bmp"),
        ("fold_1/all/UID_1_1_1_all.bmp", "fold_1/all/UID_1_01_1_all.bmp"),
        ("fold_1/all/UID_1_1_1_all.bmp", "fold_1/all/UID_1_1_001_all.bmp"),
    ],
)
def test_a_cell_under_two_spellings_is_refused(
    write_archive: WriteArchive, image: str, other: str
) -> None:
    message = failure(write_archive(tiny_members() | {f"{TRAINING}/{other}": b"image"}))
    both = ", ".join(sorted(f"{TRAINING}/{path}" for path in (image, other)))
    assert f"one cell stands twice, under two spellings: {both}" in message


def test_a_preliminary_cell_under_two_numbers_is_refused(write_archive: WriteArchive) -> None:
    rows = HEADER + FIRST + FIRST.replace(b"1.bmp", b"2.bmp")
    assert "one cell stands twice" in failure(write_archive(tiny_members() | {LABELS: rows}))


@pytest.mark.parametrize("folder", ["fold_1/all/extra", "fold_1", "elsewhere/all", "fold_1/blast"])
def test_a_training_image_outside_the_class_folders_is_refused(
    write_archive: WriteArchive, folder: str
) -> None:
    stray = f"{TRAINING}/{folder}/UID_5_9_9_all.bmp"
    message = failure(write_archive(tiny_members() | {stray: bmp(1)}))
    assert f"{stray} lies outside the class folders" in message


def test_what_a_label_file_says_is_told_in_one_line(write_archive: WriteArchive) -> None:
    message = failure(write_archive(tiny_members() | {LABELS: b'"one\n\ntwo",labels\n1,2\n'}))
    assert "has columns one two, labels; expected" in message


def test_the_real_sample_has_its_cells(real_sample: Path) -> None:
    cells = listed(real_sample)
    training = cells[cells["fold"] != "preliminary"]
    assert training["label"].value_counts().to_dict() == {"all": 731, "hem": 429}
    assert training["subject"].nunique() == 32
    assert len(cells) == 1_162
