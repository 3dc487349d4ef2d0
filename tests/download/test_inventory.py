from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from stages.dataset.archive_layout import FINAL_FOLDER, PRELIMINARY_FOLDER, canonical_folder
from stages.download.inventory import (
    C_NMC_2019,
    File,
    Folder,
    Inventory,
    differences,
    listing_sha256,
)
from tests.conftest import ROOT

FACTS = ROOT.parent / "shared/data"
CELLS = "training_data/fold_0/all"
DIGEST = "0" * 64


def cells(*names: str) -> list[File]:
    return [File(f"UID_{name}_all.bmp", 100, DIGEST) for name in names]


def numbered(*numbers: int) -> list[File]:
    return [File(f"{number}.bmp", 200, DIGEST) for number in numbers]


SET = {CELLS: cells("1_1_1", "1_1_2", "2_1_1"), FINAL_FOLDER: numbered(1, 2, 3, 4)}
SMALL = Inventory(
    "a small set",
    {
        CELLS: Folder(3, 100, listing_sha256(SET[CELLS]), subjects=2),
        FINAL_FOLDER: Folder(4, 200, listing_sha256(SET[FINAL_FOLDER]), numbered=True),
    },
)


def test_the_set_itself_does_not_differ_in_any_order() -> None:
    assert differences(SET, SMALL) == []
    assert differences({name: files[::-1] for name, files in SET.items()}, SMALL) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({CELLS: []}, f"{CELLS} is missing (3 files)"),
        (
            {CELLS: cells("1_1_1", "2_1_1")},
            f"{CELLS} holds 2 files, expected 3",
        ),
        (
            {CELLS: cells("1_1_1", "1_1_2", "1_1_3")},
            f"{CELLS} holds 3 files as expected, but with other names or contents "
            "(subjects: 1, expected 2)",
        ),
        (
            {CELLS: [*SET[CELLS][:2], replace(SET[CELLS][2], size=99, sha256="1" * 64)]},
            f"{CELLS} holds 3 files as expected, but with other names or contents "
            "(not of 100 bytes: UID_2_1_1_all.bmp)",
        ),
        (
            {FINAL_FOLDER: numbered(2, 3, 5)},
            f"{FINAL_FOLDER} holds 3 files, expected 4 (missing: 1.bmp, 4.bmp; surplus: 5.bmp)",
        ),
        (
            {FINAL_FOLDER: numbered(*range(1, 11))},
            f"{FINAL_FOLDER} holds 10 files, expected 4 (surplus: 10.bmp, 5.bmp, 6.bmp and 3 more)",
        ),
        (
            {FINAL_FOLDER: [replace(file, sha256="1" * 64) for file in SET[FINAL_FOLDER]]},
            f"{FINAL_FOLDER} holds 4 files as expected, but with other names or contents",
        ),
        (
            {"training_data/fold_9/all": cells("9_1_1")},
            "training_data/fold_9/all (1 file) is not part of it",
        ),
    ],
)
def test_a_difference_is_told_as_far_as_it_can_be_known(
    changes: dict[str, list[File]], told: str
) -> None:
    assert differences(SET | changes, SMALL) == [told]


def test_folders_are_told_in_the_order_of_their_names() -> None:
    told = differences({}, C_NMC_2019)
    assert len(told) == 9
    assert told == sorted(told)


def test_the_facts_are_those_of_the_published_listing() -> None:
    if not FACTS.exists():
        pytest.skip(f"no listing of the full set at {FACTS}")
    found: dict[str, list[File]] = defaultdict(list)
    with (FACTS / "cnmc-files.tsv").open(newline="") as listing:
        for row in csv.DictReader(listing, delimiter="\t"):
            path = PurePosixPath(row["path"])
            folder = canonical_folder(row["path"])
            assert folder == str(path.parent.relative_to("C-NMC_Leukemia"))
            found[folder].append(File(path.name, int(row["size"]), row["sha256"]))
    assert differences(found, C_NMC_2019) == []
    assert sum(map(len, found.values())) == 15_115
    for name, folder in C_NMC_2019.folders.items():
        assert {file.size for file in found[name]} == {folder.size}
        assert len(found[name]) == folder.files
        if folder.subjects:
            assert len({file.name.split("_")[1] for file in found[name]}) == folder.subjects
    lost = found[PRELIMINARY_FOLDER].pop(6)
    assert differences(found, C_NMC_2019) == [
        f"{PRELIMINARY_FOLDER} holds 1,866 files, expected 1,867 (missing: {lost.name})"
    ]
