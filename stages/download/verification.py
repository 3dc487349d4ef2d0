"""Check a new archive, from its central directory to its last byte."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from stages.dataset.archive import ArchiveError, is_synthetic, list_members, open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.archive_layout import PRELIMINARY_FOLDER, canonical_folder
from stages.download.checksums import Digest, digest_members
from stages.download.image_check import refuse_faults
from stages.download.inventory import File, Inventory, differences
from stages.download.zip_directory import check_directory

OTHER = "other"
"""Folder name under which files that are not part of the data set are counted."""


@dataclass(frozen=True)
class Verified:
    """The contents of an archive without a fault.

    `cells` are the training cells and the external ones. `files` counts the files by canonical
    folder and OTHER. `differences` lists the differences from the inventory.
    """

    cells: pd.DataFrame
    files: dict[str, int]
    synthetic: bool
    differences: list[str]


def verify_archive(path: Path, *, name: str, remedy: str, inventory: Inventory) -> Verified:
    """Check an archive: its directory, layout, names, each byte, labels, and form of images.

    The directory is checked before any member is unpacked. Each member is unpacked only once.

    Args:
        path: the archive.
        name: name of the archive in messages.
        remedy: what the user can do about a fault, as the end of a sentence.
        inventory: the inventory to compare the archive with.

    Raises:
        StageError: on the first fault. Differences from the inventory are not faults.
    """
    with open_archive(path, name=name, remedy=remedy) as archive:
        check_directory(archive)
        training = training_cells(archive)
        digests = digest_members(path, images=[*training["member"], *_preliminary(archive)])
        folders = _files_by_folder(archive, digests)
        cells = pd.concat([training, external_cells(archive)], ignore_index=True)
        faults = {member: digests[member].fault for member in cells["member"]}
        refuse_faults(faults, name=name)
        return Verified(
            cells=cells,
            files={folder: len(files) for folder, files in sorted(folders.items())},
            synthetic=is_synthetic(archive),
            differences=differences(
                {folder: files for folder, files in folders.items() if folder != OTHER}, inventory
            ),
        )


def _preliminary(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in list_members(archive) if canonical_folder(name) == PRELIMINARY_FOLDER]


def _files_by_folder(
    archive: zipfile.ZipFile, digests: Mapping[str, Digest]
) -> dict[str, list[File]]:
    """Return the files by canonical folder; files that are not in the data set are under OTHER."""
    members: dict[tuple[str, str], str] = {}
    folders: dict[str, list[File]] = defaultdict(list)
    for member in list_members(archive):
        folder = canonical_folder(member) or OTHER
        size, sha256 = archive.getinfo(member).file_size, digests[member].sha256
        file = File(PurePosixPath(member).name, size, sha256)
        if folder != OTHER and (folder, file.name) in members:
            twin = members[folder, file.name]
            raise ArchiveError(f"{folder}/{file.name} stands in it twice: {twin}, {member}")
        members[folder, file.name] = member
        folders[folder].append(file)
    return folders
