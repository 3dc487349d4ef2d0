"""List the contents of the full C-NMC 2019 data set by folder, and compare files with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.dataset.archive_layout import FINAL_FOLDER, LABEL_FOLDER, PRELIMINARY_FOLDER
from stages.dataset.image_names import parse_image_name

_NAMED = 3
"""Number of files named in a difference, at most."""


@dataclass(frozen=True)
class File:
    """A file of a data set: its name in its folder, its size in bytes, and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Folder:
    """A folder of a data set: its number of files, and the size of each file in bytes.

    `sha256` is the SHA-256 of the folder's listing; see `listing_sha256`. `subjects` is the number
    of subjects, or None if file names do not contain them. `numbered` is true if the files are
    named 1.bmp, 2.bmp and so on.
    """

    files: int
    size: int
    sha256: str
    subjects: int | None = None
    numbered: bool = False


@dataclass(frozen=True)
class Inventory:
    """The name of a data set, and its folders by canonical name."""

    name: str
    folders: Mapping[str, Folder]


C_NMC_2019 = Inventory(
    "C-NMC 2019, Kaggle andrewmvd/leukemia-classification version 2",
    {
        "training_data/fold_0/all": Folder(
            2397,
            608_454,
            "35111bc0ef7ea6b18504e4889afa91bd1f81be7b3e0c608c7719364e8715c90a",
            subjects=19,
        ),
        "training_data/fold_0/hem": Folder(
            1130,
            608_454,
            "610a27f338c9d425a3c827267c09d37a85441e6d35b8185b8247d5dc58130ebd",
            subjects=9,
        ),
        "training_data/fold_1/all": Folder(
            2418,
            608_454,
            "2a48ab1901d099f856d4d429362fd4b1be755409ef27daf4aabd7d593b6fbcaa",
            subjects=11,
        ),
        "training_data/fold_1/hem": Folder(
            1163,
            608_454,
            "426bcfe35eadc4cf30e44f8eed45643f5a511f1536f670860ac4b2795aaf522f",
            subjects=3,
        ),
        "training_data/fold_2/all": Folder(
            2457,
            608_454,
            "5637e297294de0f377beb977e2e38d5e57e116d8e4c7a4cdfd24fe986907ec51",
            subjects=17,
        ),
        "training_data/fold_2/hem": Folder(
            1096,
            608_454,
            "69aa44b2a902ba61fd1bbf56302029a0a2a2eb6259653e46d044404cb7837ed6",
            subjects=14,
        ),
        LABEL_FOLDER: Folder(
            1,
            58_692,
            "9f72237ec3fe58f0a6799752e21a2609977f00d2921402b9654b38b14ad29e07",
        ),
        PRELIMINARY_FOLDER: Folder(
            1867,
            608_538,
            "d7910ac71311fe811e1dd1633687bafa822d8b9e246a09f2726b08b4539670b1",
            numbered=True,
        ),
        FINAL_FOLDER: Folder(
            2586,
            1_080_054,
            "104bc821e68385f57a255d89f294ebd5ff8ce0fbdbbd5371bd518ecf3a0f5d2f",
            numbered=True,
        ),
    },
)


def listing_sha256(files: Sequence[File]) -> str:
    r"""Return the SHA-256 of a folder's listing: `<sha256>  <name>\n` per file, sorted by name."""
    lines = sorted((file.name, f"{file.sha256}  {file.name}\n") for file in files)
    return hashlib.sha256("".join(line for _, line in lines).encode()).hexdigest()


def differences(found: Mapping[str, Sequence[File]], inventory: Inventory) -> list[str]:
    """Describe how each folder differs from the inventory: by counts, sizes, names and SHA-256.

    Args:
        found: the files of each folder, by canonical name. Names of training images must parse.
        inventory: the expected folders.

    Returns:
        One sentence for each missing, surplus or different folder; empty if there is none.
    """
    told = []
    for name in sorted(found.keys() | inventory.folders.keys()):
        expected, files = inventory.folders.get(name), found.get(name, ())
        if expected is None:
            told.append(f"{name} ({_count(len(files))}) is not part of it")
        elif listing_sha256(files) != expected.sha256:
            told.append(f"{name} {_difference(files, expected)}")
    return told


def _difference(files: Sequence[File], expected: Folder) -> str:
    if not files:
        return f"is missing ({_count(expected.files)})"
    count = f"holds {_count(len(files))}, expected {expected.files:,}"
    if len(files) == expected.files:
        count = f"holds {_count(len(files))} as expected, but with other names or contents"
    clues = [*_size_clues(files, expected), *_name_clues(files, expected)]
    return f"{count} ({'; '.join(clues)})" if clues else count


def _size_clues(files: Sequence[File], expected: Folder) -> list[str]:
    others = sorted(file.name for file in files if file.size != expected.size)
    return [f"not of {expected.size:,} bytes: {some(others)}"] if others else []


def _name_clues(files: Sequence[File], expected: Folder) -> list[str]:
    names = {file.name for file in files}
    if expected.subjects is not None:
        subjects = {parse_image_name(name).subject for name in names}
        if len(subjects) != expected.subjects:
            return [f"subjects: {len(subjects)}, expected {expected.subjects}"]
    if not expected.numbered:
        return []
    numbers = [f"{number}.bmp" for number in range(1, expected.files + 1)]
    missing = [name for name in numbers if name not in names]
    surplus = sorted(names.difference(numbers))
    return [
        *([f"missing: {some(missing)}"] if missing else []),
        *([f"surplus: {some(surplus)}"] if surplus else []),
    ]


def _count(files: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}"


def some(names: Sequence[str]) -> str:
    """Name the first few files of a list, and the number of the others."""
    rest = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
