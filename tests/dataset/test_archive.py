from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.dataset.archive import (
    REBUILD,
    SYNTHETIC_MARK,
    ArchiveError,
    is_clutter,
    is_synthetic,
    list_members,
    open_archive,
    read_member,
)
from tests.conftest import TRAINING, WriteArchive, tiny_members

IMAGE = f"{TRAINING}/fold_1/all/UID_1_1_1_all.bmp"
ENTRY, END = b"PK\x01\x02", b"PK\x05\x06"  # the directory's first entry, and its end


def patch(path: Path, place: bytes, patches: dict[int, int]) -> None:
    content = bytearray(path.read_bytes())
    start = content.index(place)
    for position, value in patches.items():
        content[start + position] = value
    path.write_bytes(content)


def test_a_fault_is_told_with_the_archive_and_the_remedy_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "two  spaces.zip"
    zipfile.ZipFile(path, "w").close()
    told = []
    for options in ({}, {"name": "Kaggle", "remedy": "ask Kaggle"}):
        with pytest.raises(StageError) as caught, open_archive(path, **options):
            raise ArchiveError("some\nmember is wrong")
        told.append(str(caught.value))
    assert told == [
        f"{path}: some member is wrong; {REBUILD}",
        "Kaggle: some member is wrong; ask Kaggle",
    ]


def test_another_error_than_a_fault_of_the_archive_is_not_blamed_on_it(
    write_archive: WriteArchive,
) -> None:
    with pytest.raises(FileNotFoundError, match="other"), open_archive(write_archive()):
        raise FileNotFoundError("other")


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
    patch(path, place, patches)
    with pytest.raises(StageError) as caught, open_archive(path):
        pass
    assert "is not a zip archive, or it is damaged or cut off" in str(caught.value)
    assert problem in str(caught.value)


def test_a_missing_archive_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "cnmc.zip"
    expected = f"^{path} is missing: expected the dataset archive; run `dvc repro download`$"
    with pytest.raises(StageError, match=expected), open_archive(path):
        pass


def test_files_are_listed_sorted_without_folders_and_clutter(write_archive: WriteArchive) -> None:
    members = dict.fromkeys(["b/2", "b/", "a", "b/.hidden", "__MACOSX/b/2", "b/Thumbs.db"], b"")
    with open_archive(write_archive(members)) as archive:
        assert list_members(archive) == ["a", "b/2"]


@pytest.mark.parametrize(
    ("path", "clutter"),
    [
        (".DS_Store", True),
        ("a/._image.bmp", True),
        ("a/.git/config", True),
        ("__MACOSX/a/image.bmp", True),
        ("a/desktop.ini", True),
        ("./a/image.bmp", False),
        ("a/Thumbs.db.bmp", False),
        ("MACOSX/image.bmp", False),
    ],
)
def test_hidden_files_and_those_of_operating_systems_are_clutter(path: str, clutter: bool) -> None:
    assert is_clutter(path) is clutter


def test_a_member_reads_as_it_was_written(write_archive: WriteArchive) -> None:
    with open_archive(write_archive()) as archive:
        assert read_member(archive, IMAGE) == tiny_members()[IMAGE]


def test_a_member_that_is_not_there_is_told_in_one_line(write_archive: WriteArchive) -> None:
    with (
        open_archive(write_archive()) as archive,
        pytest.raises(StageError, match=r"cnmc\.zip: other\.bmp is missing, though it is listed"),
    ):
        read_member(archive, "other.bmp")


def test_a_flipped_bit_in_a_member_is_found(write_archive: WriteArchive) -> None:
    path = write_archive()
    patch(path, IMAGE.encode(), {len(IMAGE) + 99: 0})
    with (
        pytest.raises(StageError, match=rf"{path}: {IMAGE} is corrupt .*; bring it in again"),
        open_archive(path) as archive,
    ):
        read_member(archive, IMAGE)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [(10, 9, "compression method is not supported"), (8, 1, "password required")],
)
def test_a_member_that_cannot_be_unpacked_is_told_apart(
    write_archive: WriteArchive, field: int, value: int, problem: str
) -> None:
    path = write_archive()
    patch(path, ENTRY, {field: value})  # the flags, and the compression method
    with (
        pytest.raises(StageError, match=rf"cannot be unpacked \(.*{problem}"),
        open_archive(path) as archive,
    ):
        read_member(archive, archive.namelist()[0])


def test_only_the_mark_makes_an_archive_synthetic(write_archive: WriteArchive) -> None:
    path = write_archive()
    with open_archive(path) as archive:
        assert not is_synthetic(archive)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = SYNTHETIC_MARK
    with open_archive(path) as archive:
        assert is_synthetic(archive)
