from __future__ import annotations

import pytest

from stages.dataset.archive import ArchiveError
from stages.dataset.archive_layout import (
    FINAL_FOLDER,
    LABEL_FOLDER,
    PRELIMINARY,
    PRELIMINARY_FOLDER,
    PRELIMINARY_LABELS,
    canonical_folder,
)

CELL = "UID_1_1_1_all.bmp"


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (f"C-NMC_Leukemia/training_data/fold_0/all/{CELL}", "training_data/fold_0/all"),
        (f"fold_0/fold_0/all/{CELL}", "training_data/fold_0/all"),
        (f"a/training_data/training_data/fold_2/hem/hem/{CELL}", "training_data/fold_2/hem"),
        (f"mirror/fold_1/images/all/{CELL}", "training_data/fold_1/all"),
        ("training_data/fold_10/hem/notes.txt", "training_data/fold_10/hem"),
        (f"C-NMC_Leukemia/{PRELIMINARY_FOLDER}/7.bmp", PRELIMINARY_FOLDER),
        (f"{PRELIMINARY}/{PRELIMINARY}/7.bmp", PRELIMINARY_FOLDER),
        (f"C-NMC_Leukemia/{LABEL_FOLDER}/{PRELIMINARY_LABELS}", LABEL_FOLDER),
        (f"{PRELIMINARY}/{PRELIMINARY_LABELS}", LABEL_FOLDER),
        (PRELIMINARY_LABELS, LABEL_FOLDER),
        (f"C-NMC_Leukemia/{FINAL_FOLDER}/7.bmp", FINAL_FOLDER),
        ("README.txt", None),
        ("training_data/README.txt", None),
        ("elsewhere/7.bmp", None),
        ("all/7.bmp", None),
    ],
)
def test_folders_are_found_by_name_at_any_depth(path: str, folder: str | None) -> None:
    assert canonical_folder(path) == folder


@pytest.mark.parametrize(
    "path",
    [
        f"training_data/{CELL}",
        f"training_data/fold_0/{CELL}",
        f"training_data/all/{CELL}",
        f"all/{CELL}",
        CELL,
        f"training_data/fold_0/all/extra/{CELL}",
        f"training_data/fold_0/fold_1/all/{CELL}",
        f"training_data/fold_0/All/{CELL}",
        f"training_data/fold_zero/all/{CELL}",
        "fold_0/7.bmp",
    ],
)
def test_a_training_image_outside_the_class_folders_of_a_fold_is_refused(path: str) -> None:
    with pytest.raises(ArchiveError, match=f"^{path} lies outside the class folders of a fold; ex"):
        canonical_folder(path)
