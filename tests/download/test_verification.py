from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.dataset.archive_layout import (
    FINAL_FOLDER,
    LABEL_FOLDER,
    PRELIMINARY,
    PRELIMINARY_FOLDER,
    PRELIMINARY_LABELS,
    canonical_folder,
)
from stages.download.inventory import C_NMC_2019, Inventory
from stages.download.verification import Verified, verify_archive
from tests.conftest import TRAINING, VALIDATION, WriteArchive, tiny_members
from tests.download.inventories import inventory_of

FINAL = f"C-NMC_Leukemia/{FINAL_FOLDER}"


def verified(path: Path, inventory: Inventory = C_NMC_2019) -> Verified:
    return verify_archive(path, name="the source", remedy="ask for it", inventory=inventory)


def failure(path: Path) -> str:
    """The one line in which the archive is refused, with its name and remedy."""
    with pytest.raises(StageError) as caught:
        verified(path)
    told = re.fullmatch("the source: (.*); ask for it", str(caught.value))
    assert told, caught.value
    return told[1]


def test_cells_and_files_of_a_sound_archive_are_told(write_archive: WriteArchive) -> None:
    members = tiny_members() | {f"{FINAL}/1.bmp": b"image", "README.txt": b"hello"}
    found = verified(write_archive(members))
    assert len(found.cells) == 50
    assert found.files == {
        **{
            f"training_data/fold_{fold}/{label}": 8 for fold in range(3) for label in ("all", "hem")
        },
        FINAL_FOLDER: 1,
        LABEL_FOLDER: 1,
        PRELIMINARY_FOLDER: 2,
        "other": 1,
    }
    assert not found.synthetic


@pytest.mark.parametrize("external", [0, 2])
def test_the_columns_have_the_types_of_the_cell_table(
    write_archive: WriteArchive, external: int
) -> None:
    cells = verified(write_archive(tiny_members(external=external))).cells
    assert {str(kind) for kind in cells.dtypes} == {"str"}


def test_a_known_set_is_known_however_it_is_nested_and_littered(
    write_archive: WriteArchive,
) -> None:
    members = tiny_members() | {f"{FINAL}/1.bmp": b"image"}
    known = inventory_of(members)
    assert verified(write_archive(members), known).differences == []
    nested = {
        path.replace("fold_0", "fold_0/fold_0")
        .replace(PRELIMINARY_FOLDER, f"{PRELIMINARY}/{PRELIMINARY}")
        .replace("C-NMC_Leukemia", "a/b"): content
        for path, content in members.items()
    }
    litter = {"__MACOSX/fold_0/all/._x.bmp": b"", f"{TRAINING}/fold_0/all/Thumbs.db": b""}
    assert verified(write_archive(nested | litter), known).differences == []
    assert verified(write_archive(nested | {"LICENCE": b"CC BY"}), known).differences == []


def test_a_set_with_one_other_byte_is_not_the_known_one(write_archive: WriteArchive) -> None:
    members = tiny_members()
    known = inventory_of(members)
    image = next(iter(members))
    other = write_archive(members | {image: members[image][:-1] + b"\7"})
    assert verified(other, known).differences == [
        f"{canonical_folder(image)} holds 8 files as expected, but with other names or contents"
    ]


@pytest.mark.parametrize(
    "path",
    [f"copy/{FINAL_FOLDER}/1.bmp", f"copy/{PRELIMINARY}/1.bmp", f"copy/{PRELIMINARY_LABELS}"],
)
def test_a_file_that_stands_in_two_folders_of_one_name_is_refused(
    write_archive: WriteArchive, path: str
) -> None:
    members = tiny_members() | {f"{FINAL}/1.bmp": b"image", path: b"image"}
    assert re.search("stands in it twice", failure(write_archive(members)))


def test_a_layout_without_a_class_is_refused_before_the_bytes_are_read(
    write_archive: WriteArchive,
) -> None:
    path = write_archive({path: b"x" * 99 for path in tiny_members() if "/all/" not in path})
    path.write_bytes(path.read_bytes().replace(b"x" * 9, b"y" * 9))
    assert failure(path).startswith("no training images of class all; expected")


def test_the_label_file_is_read_only_after_its_bytes_were_checked(
    write_archive: WriteArchive,
) -> None:
    labels = f"{VALIDATION}/{PRELIMINARY_LABELS}"
    path = write_archive()
    content = bytearray(path.read_bytes())
    content[content.index(labels.encode()) + len(labels) + 20] ^= 1
    path.write_bytes(content)
    assert failure(path).startswith(f"{labels} is corrupt (")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        assert len(verified(path).cells) <= 6


def test_the_real_sample_is_sound_and_known_as_a_part(real_sample: Path) -> None:
    found = verified(real_sample)
    assert len(found.cells) == 1_162
    assert found.files["training_data/fold_1/all"] == 683
    # Its label file is the whole one, and fits.
    assert not any(told.startswith(f"{LABEL_FOLDER} ") for told in found.differences)
    assert len(found.differences) == 8
    assert found.differences[1] == (
        "training_data/fold_0/all holds 16 files, expected 2,397 (subjects: 6, expected 19)"
    )
