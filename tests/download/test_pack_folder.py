from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.dataset.archive_layout import (
    FINAL,
    FINAL_FOLDER,
    PRELIMINARY,
    PRELIMINARY_FOLDER,
    PRELIMINARY_LABELS,
)
from stages.download.pack_folder import pack_folder
from tests.conftest import TRAINING, VALIDATION, tiny_members


def unpack(folder: Path, members: dict[str, bytes]) -> Path:
    for path, content in members.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    final = f"C-NMC_Leukemia/{FINAL_FOLDER}/1.bmp"
    return unpack(tmp_path / "unpacked", tiny_members() | {final: b"image"})


def packed(folder: Path, name: str = "packed.zip") -> bytes:
    destination = folder.parent / name
    pack_folder(folder, destination)
    return destination.read_bytes()


def failure(folder: Path) -> str:
    with pytest.raises(StageError) as caught:
        packed(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_files_of_the_set_are_packed_sorted_with_their_contents(folder: Path) -> None:
    packed(folder)
    with zipfile.ZipFile(folder.parent / "packed.zip") as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {name: archive.read(name) for name in archive.namelist()} == tiny_members() | {
            f"C-NMC_Leukemia/{FINAL_FOLDER}/1.bmp": b"image"
        }


def test_the_same_files_give_the_same_bytes_whatever_dates_rights_and_order(
    folder: Path, tmp_path: Path
) -> None:
    first = packed(folder)
    later = tmp_path / "later"
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            copy = later / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o600)
            os.utime(copy, (1e9, 1e9))
    assert packed(later, "later.zip") == first


@pytest.mark.parametrize("start", ["", "fold_parents", "a/b/c"])
def test_any_nesting_and_any_order_of_folders_gives_the_same_bytes(
    folder: Path, tmp_path: Path, start: str
) -> None:
    nested = {
        str(path.relative_to(folder))
        .replace(TRAINING, "z")
        .replace("fold_0/hem", "b/fold_0/fold_0/hem/hem")
        .replace(f"C-NMC_Leukemia/{PRELIMINARY_FOLDER}", f"y/{PRELIMINARY}/{PRELIMINARY}")
        .replace(f"C-NMC_Leukemia/{FINAL_FOLDER}", f"zz/{FINAL}"): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    unpack(tmp_path / "nested" / start, nested)
    assert packed(tmp_path / "nested", "again.zip") == packed(folder)


def test_hidden_files_and_what_is_no_part_of_the_set_are_left_out(folder: Path) -> None:
    first = packed(folder)
    (folder / ".git").symlink_to("/")
    unpack(
        folder,
        {
            f"{TRAINING}/fold_0/all/.DS_Store": b"",
            f"{TRAINING}/fold_0/all/Thumbs.db": b"",
            f"__MACOSX/{TRAINING}/fold_0/all/._UID_1_1_1_all.bmp": b"",
            "archive.zip": b"PK",
            "README.txt": b"hello",
        },
    )
    assert packed(folder) == first


@pytest.mark.parametrize("target", ["UID_3_1_1_all.bmp", "../hem", "nowhere"])
@pytest.mark.parametrize("place", [f"{TRAINING}/fold_0/all/UID_3_9_9_all.bmp", "more"])
def test_a_symbolic_link_is_refused_with_its_path(folder: Path, place: str, target: str) -> None:
    (folder / place).symlink_to(target)
    assert failure(folder) == (
        f"{folder / place} is a symbolic link (`cp -rL` copies a folder and follows its links); "
        "put the file or folder itself there"
    )


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert packed(tmp_path / "link") == packed(folder)


def test_what_is_neither_file_nor_folder_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert failure(folder) == f"{folder / 'pipe'} is neither a file nor a folder; remove it"


def test_two_files_for_one_place_are_refused(folder: Path) -> None:
    unpack(folder, {f"copy/{PRELIMINARY_LABELS}": b"other labels"})
    message = failure(folder)
    assert (
        f"{folder / VALIDATION / PRELIMINARY_LABELS} and {folder}/copy/{PRELIMINARY_LABELS}"
        in message
    )
    assert "are both validation_data/C-NMC_test_prelim_phase_data_labels.csv" in message


def test_an_image_outside_the_class_folders_is_refused(folder: Path) -> None:
    unpack(folder, {"fold_1/UID_1_1_9_all.bmp": b"image"})
    assert failure(folder).startswith(f"{folder}: fold_1/UID_1_1_9_all.bmp lies outside the class")


def test_a_name_that_cannot_be_shown_is_refused(folder: Path) -> None:
    stray = os.fsdecode(b"UID_\xff\n_all.bmp")
    unpack(folder, {f"{TRAINING}/fold_0/all/{stray}": b"image"})
    assert r"UID_\udcff\n_all.bmp' has a name that cannot be shown; rename" in failure(folder)


@pytest.mark.parametrize("unreadable", [TRAINING, f"{TRAINING}/fold_1/all/UID_1_1_1_all.bmp"])
def test_what_cannot_be_read_is_told_in_one_line(
    folder: Path, unreadable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(ask: object) -> object:
        def asked(path: Path, *options: object) -> object:
            if path == folder / unreadable:
                raise PermissionError(13, "Permission denied", str(path))
            return ask(path, *options)  # type: ignore[operator]

        return asked

    # Rights do not hold for root, as which tests may run.
    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    monkeypatch.setattr(Path, "read_bytes", refusing(Path.read_bytes))
    assert failure(folder).startswith(f"{folder / unreadable} cannot be read (Permission denied); ")
