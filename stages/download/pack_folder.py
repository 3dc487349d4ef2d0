"""Pack an unpacked folder of the data set into a zip. The same files give the same bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import ArchiveError, refuse
from stages.dataset.archive_layout import canonical_folder, refuse_missing_classes
from stages.download.source_files import files_below, read_file
from stages.download.zip_members import add_member

_ROOT = "C-NMC_Leukemia"


def pack_folder(folder: Path, destination: Path) -> None:
    """Pack the data set's files in a folder, at any depth, under their canonical names.

    The bytes of the zip depend only on names and contents, not on dates, permissions or order.

    Args:
        folder: the folder. Hidden files, and files not part of the data set, are left out.
        destination: path of the zip.

    Raises:
        StageError: on a symbolic link, an entry that is neither file nor folder, an unreadable
            file, two files with one canonical name, a training image outside the class folders, or
            a class without training images.
    """
    members = _members(folder)
    with (
        zipfile.ZipFile(destination, "w") as archive,
        progress(total=len(members), description="Packing", unit="file") as bar,
    ):
        for member, path in sorted(members.items()):
            add_member(archive, member, read_file(path))
            bar.update()


def _members(folder: Path) -> dict[str, Path]:
    """Map the member name of each file of the data set to the path of the file."""
    files = {path: path.relative_to(folder).as_posix() for path in files_below(folder)}
    try:
        places = _places(files)
        labels = {place.rpartition("/")[2] for place in places.values()}
        refuse_missing_classes(labels, files.values())
    except ArchiveError as error:
        raise StageError(f"{folder}: {error}; mend what lies in the folder") from error
    members: dict[str, Path] = {}
    for path, place in places.items():
        member = f"{_ROOT}/{place}/{path.name}"
        if member in members:
            raise StageError(
                f"{folder}: {members[member]} and {path} are both {place}/{path.name}; "
                "remove one of them, or name the folder of one set in download.source"
            )
        members[member] = path
    return members


def _places(files: Mapping[Path, str]) -> dict[Path, str]:
    """Return the folder of the data set that each file belongs to; leave out other files."""
    places, faults = {}, []
    for path, relative in files.items():
        try:
            place = canonical_folder(relative)
        except ArchiveError as error:
            faults.append(str(error))
            continue
        if place is None:
            continue
        if not path.name.isprintable():
            raise StageError(f"{str(path)!a} has a name that cannot be shown; rename the file")
        places[path] = place
    refuse(faults)
    return places
