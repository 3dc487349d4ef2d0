"""Folders and files of the dataset archive.

    training_data/fold_{0,1,2}/{all,hem}/UID_<subject>_<field>_<cell>_{all,hem}.bmp
    validation_data/C-NMC_test_prelim_phase_data/<number>.bmp
    validation_data/C-NMC_test_prelim_phase_data_labels.csv
    testing_data/C-NMC_test_final_phase_data/<number>.bmp

Copies of the data set add folders around and between these (`fold_0/fold_0/all`), so folders are
found by name at any depth. The final images have no public labels: they are counted, not read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from stages.dataset.archive import ArchiveError
from stages.dataset.classes import CLASS_NAMES

PRELIMINARY = "C-NMC_test_prelim_phase_data"
PRELIMINARY_LABELS = f"{PRELIMINARY}_labels.csv"
FINAL = "C-NMC_test_final_phase_data"

TRAINING_FOLDER = "training_data"
LABEL_FOLDER = "validation_data"
PRELIMINARY_FOLDER = f"{LABEL_FOLDER}/{PRELIMINARY}"
FINAL_FOLDER = f"testing_data/{FINAL}"

_OTHER_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp")

_FOLD = re.compile(r"fold_\d+", re.ASCII)


def canonical_folder(path: str) -> str | None:
    """Return the folder of the data set that a file belongs to; ignore added folders in `path`.

    Returns:
        A folder such as `training_data/fold_0/all`, PRELIMINARY_FOLDER or FINAL_FOLDER;
        LABEL_FOLDER for the label file; None for a file that is not part of the data set.

    Raises:
        ArchiveError: on a training image outside the class folders of one fold.
    """
    *folders, name = PurePosixPath(path).parts
    parent = folders[-1] if folders else ""
    if name == PRELIMINARY_LABELS:
        return LABEL_FOLDER
    if parent == PRELIMINARY:
        return PRELIMINARY_FOLDER
    if parent == FINAL:
        return FINAL_FOLDER
    folds = {folder for folder in folders if _FOLD.fullmatch(folder)}
    if parent in CLASS_NAMES and len(folds) == 1:
        return f"{TRAINING_FOLDER}/{folds.pop()}/{parent}"
    training = bool(folds) or TRAINING_FOLDER in folders or name.startswith("UID_")
    if training and is_image(name):
        raise ArchiveError(
            f"{path} lies outside the class folders of a fold; expected "
            "…/training_data/fold_0/{all,hem}/UID_….bmp"
        )
    return None


def is_image(path: str) -> bool:
    """Return whether a file is an image of the data set's form, by its name."""
    return path.lower().endswith(".bmp")


def is_other_image(path: str) -> bool:
    """Return whether a file is an image of another form, by its name."""
    return path.lower().endswith(_OTHER_IMAGES)


def refuse_missing_classes(present: Collection[str], paths: Iterable[str]) -> None:
    """Raise ArchiveError if a class is not among those present; say which files there are."""
    missing = sorted(set(CLASS_NAMES).difference(present))
    if missing:
        raise ArchiveError(
            f"no training images of class {' and '.join(missing)}; expected BMP images "
            "…/training_data/fold_0/{all,hem}/UID_<subject>_<field>_<cell>_{all,hem}.bmp as in "
            f"Kaggle's andrewmvd/leukemia-classification, found {kinds_of_files(paths)}; "
            "docs/own-data.md shows other layouts"
        )


def kinds_of_files(paths: Iterable[str], *, most: int = 4) -> str:
    """Count files by their last folder and their ending: `60 files (30 all/*.png, …)`."""
    files = [PurePosixPath(path) for path in paths]
    kinds = Counter(str(PurePosixPath(file.parent.name) / f"*{file.suffix}") for file in files)
    told = [f"{count:,} {kind}" for kind, count in kinds.most_common(most)]
    rest = [f"{len(kinds) - most} more kinds"] if len(kinds) > most else []
    listed = f" ({', '.join(told + rest)})" if told else ""
    return f"{len(files):,} {'file' if len(files) == 1 else 'files'}{listed}"
