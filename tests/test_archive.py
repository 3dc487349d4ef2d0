from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.archive import (
    PRELIMINARY,
    PRELIMINARY_LABELS,
    SYNTHETIC_MARK,
    external_cells,
    identical_images,
    is_synthetic,
    open_archive,
    read_member,
    training_cells,
    verify_archive,
)
from stages.cells import COLUMNS
from stages.errors import StageError
from tests.conftest import TRAINING, VALIDATION, WriteArchive, bmp, tiny_members

IMAGE = f"{TRAINING}/fold_1/all/UID_1_1_1_all.bmp"
LABELS = f"{VALIDATION}/{PRELIMINARY_LABELS}"
HEADER = b"Patient_ID,new_names,labels\n"
FIRST, SECOND = b"UID_91_1_1_all.bmp,1.bmp,1\n", b"UID_H92_1_1_hem.bmp,2.bmp,0\n"


def failure(path: Path) -> str:
    """The one line in which the archive is refused; it names the archive."""
    with pytest.raises(StageError) as caught:
        verify_archive(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


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
        "field": 2,
        "cell": 1,
        "fold": "fold_1",
    }


def test_the_layout_is_found_under_any_root(write_archive: WriteArchive) -> None:
    members = {
        path.replace("C-NMC_Leukemia", "download/C-NMC_Leukemia"): content
        for path, content in tiny_members().items()
    }
    assert len(verify_archive(write_archive(members))) == 50


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
        tables = [training_cells(archive), external_cells(archive), verify_archive(path)]
    for table in tables:
        assert {column: str(kind) for column, kind in table.dtypes.items()} == {
            column: COLUMNS[column] for column in table.columns
        }


def test_unlabelled_test_images_are_not_cells(write_archive: WriteArchive) -> None:
    final = "C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data/1.bmp"
    assert len(verify_archive(write_archive(tiny_members() | {final: b"image"}))) == 50


def test_one_class_alone_is_refused(write_archive: WriteArchive) -> None:
    members = {path: content for path, content in tiny_members().items() if "/all/" not in path}
    assert "no training images of class all; expected …/training" in failure(write_archive(members))


def test_an_archive_of_something_else_is_refused(write_archive: WriteArchive) -> None:
    message = failure(write_archive({"README.txt": b"hello"}))
    assert "no training images of class all and hem" in message


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("fold_0/all/UID_1_1_all.bmp", "expected an image name of the form"),
        ("fold_0/all/Thumbs.db", "expected an image name of the form"),
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


@pytest.mark.parametrize("member", [IMAGE, LABELS])
def test_a_flipped_bit_in_any_member_is_found(write_archive: WriteArchive, member: str) -> None:
    path = write_archive()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    flip(path, info.header_offset + 30 + len(member) + info.compress_size // 2)
    assert f"{member} is corrupt" in failure(path)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [(10, 9, "compression method is not supported"), (8, 1, "password required")],
)
def test_a_member_that_cannot_be_unpacked_is_told_apart(
    write_archive: WriteArchive, field: int, value: int, problem: str
) -> None:
    path = write_archive()
    content = bytearray(path.read_bytes())
    # The fields are the flags and the compression method of the first entry in the directory.
    content[content.index(b"PK\x01\x02") + field] = value
    path.write_bytes(content)
    message = failure(path)
    assert "cannot be unpacked" in message
    assert problem in message


ENTRY, END = b"PK\x01\x02", b"PK\x05\x06"  # the directory's first entry, and its end


@pytest.mark.parametrize(
    ("place", "patches", "problem"),
    [
        (ENTRY, {6: 99}, "zip file version 9.9"),
        (ENTRY, {9: 0x08, 46: 0xFF}, "codec can't decode"),  # a name that is said to be UTF-8
        (END, {12: 0xFF, 13: 0xFF}, "Bad offset for central directory"),  # its size
        (END, {0: 0}, "File is not a zip file"),
    ],
)
def test_a_damaged_directory_is_told_as_what_it_is(
    write_archive: WriteArchive, place: bytes, patches: dict[int, int], problem: str
) -> None:
    path = write_archive()
    content = bytearray(path.read_bytes())
    start = content.index(place)
    for position, value in patches.items():
        content[start + position] = value
    path.write_bytes(content)
    message = failure(path)
    assert "is not a zip archive, or it is damaged or cut off" in message
    assert problem in message


def test_a_missing_archive_says_what_to_run(tmp_path: Path) -> None:
    message = failure(tmp_path / "cnmc.zip")
    assert "is missing: expected the dataset archive; run `dvc repro download`" in message


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_is_either_harmless_or_told_as_what_it_is(
    write_archive: WriteArchive, place: float, bit: int, *, cut: bool
) -> None:
    path = write_archive(tiny_members(subjects=2, cells=1, size=8))
    content = bytearray(path.read_bytes())
    position = int(place * len(content))
    if cut:
        del content[position:]
    else:
        content[position] ^= 1 << bit
    path.write_bytes(content)
    with contextlib.suppress(StageError):  # any other error fails the test
        assert len(verify_archive(path)) <= 6


def test_a_member_reads_as_it_was_written(write_archive: WriteArchive) -> None:
    with open_archive(write_archive()) as archive:
        assert read_member(archive, IMAGE) == tiny_members()[IMAGE]


def test_a_member_that_is_not_there_is_told_in_one_line(write_archive: WriteArchive) -> None:
    with (
        open_archive(write_archive()) as archive,
        pytest.raises(StageError, match=r"cnmc\.zip: other\.bmp is missing, though it is listed"),
    ):
        read_member(archive, "other.bmp")


def test_identical_images_are_grouped_by_content(write_archive: WriteArchive) -> None:
    contents = {"d": b"one", "a": b"two", "c": b"one", "b": b"three", "e": b"two", "f": b"one"}
    with open_archive(write_archive(contents)) as archive:
        assert identical_images(archive, contents) == [["a", "e"], ["c", "d", "f"]]
        assert identical_images(archive, ["a", "b", "c"]) == []


def test_the_same_crc_alone_does_not_make_images_identical(write_archive: WriteArchive) -> None:
    # Two texts of eight bytes with the CRC-32 0x4DDB0C25.
    contents = {"a": b"plumless", "b": b"buckeroo"}
    with open_archive(write_archive(contents)) as archive:
        assert archive.getinfo("a").CRC == archive.getinfo("b").CRC
        assert identical_images(archive, contents) == []


def test_only_the_mark_makes_an_archive_synthetic(write_archive: WriteArchive) -> None:
    path = write_archive()
    with open_archive(path) as archive:
        assert not is_synthetic(archive)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = SYNTHETIC_MARK
    with open_archive(path) as archive:
        assert is_synthetic(archive)


def test_the_real_sample_is_counted_and_its_twins_are_found(real_sample: Path) -> None:
    with open_archive(real_sample) as archive:
        cells = training_cells(archive)
        assert cells["label"].value_counts().to_dict() == {"all": 731, "hem": 429}
        assert cells["subject"].nunique() == 32
        assert len(external_cells(archive)) == 2
        twins = identical_images(archive, cells["member"])
    assert [len(group) for group in twins] == [2] * 28


@pytest.mark.parametrize("folder", ["fold_1/all/extra", "fold_1", "elsewhere/all", "fold_1/blast"])
def test_a_training_image_outside_the_class_folders_is_refused(
    write_archive: WriteArchive, folder: str
) -> None:
    stray = f"{TRAINING}/{folder}/UID_5_9_9_all.bmp"
    path = write_archive(tiny_members() | {stray: bmp(1)})
    with open_archive(path) as archive, pytest.raises(StageError, match=f"{stray} lies outside"):
        training_cells(archive)


def test_folds_may_have_numbers_of_several_digits(write_archive: WriteArchive) -> None:
    path = write_archive(tiny_members() | {f"{TRAINING}/fold_10/all/UID_5_9_9_all.bmp": bmp(1)})
    with open_archive(path) as archive:
        assert "fold_10" in set(training_cells(archive)["fold"])
