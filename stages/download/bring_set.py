"""Bring in a set of labelled cells from its source, verified, as an archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from stages.common.errors import StageError
from stages.common.files import file_sha256, temporary_path
from stages.dataset.archive import list_members, open_archive
from stages.download.archive_source import fetch_archive, source_kind, source_name
from stages.download.checksums import digest_members
from stages.download.inventory import C_NMC_2019
from stages.download.pack_own_set import OwnSet, pack_own_set
from stages.download.params import DownloadParams
from stages.download.partial_file import state_folder
from stages.download.set_layout import KAGGLE, SetError, layout_of
from stages.download.source_files import SourceFiles, folder_files, zip_files
from stages.download.transfer import sha256_in_params, wrong_checksum
from stages.download.verification import Verified, verify_archive
from stages.download.zip_directory import check_directory

REMEDIES = {
    "synthetic": "draw it again with `dvc repro download`",
    "kaggle": (
        "run `dvc repro download` again, which fetches it anew, or set download.source to a sound "
        "copy of the archive"
    ),
    "url": (
        "run `dvc repro download` again, which fetches it anew; if it is so again, replace what "
        "the address leads to"
    ),
    "path": "replace the file",
    "folder": "mend what lies in the folder",
}
"""What the user can do about a fault in the archive, by the kind of source."""

Taken = Verified | OwnSet
Result = TypeVar("Result")


def bring_set(
    params: DownloadParams,
    archive: Path,
    *,
    names_csv: str = "names.csv",
    complete: Callable[[dict[str, Any], Taken], Result],
) -> Result:
    """Fetch a set and write it to `archive`, verified or packed.

    Args:
        params: its source, and what it may hold.
        archive: path of the archive; the caller makes it atomic.
        names_csv: name of the file that says who has which pseudonym.
        complete: gets the set's section of the report, and what was taken. It does the rest before
            the archive is moved: a failed run must keep a fetched file.

    Returns:
        What `complete` returns.
    """

    def verified(arrived: Path) -> Result:
        taken = _take(arrived, archive, params, names_csv)
        return complete(_describe(archive if _is_own(taken) else arrived, params, taken), taken)

    with temporary_path(archive.with_name("source.zip")) as fetched:
        result = fetch_archive(params, fetched, verify=verified)
        if not archive.exists():
            fetched.replace(archive)
    return result


def _is_own(taken: Taken) -> bool:
    return isinstance(taken, OwnSet)


def _take(arrived: Path, archive: Path, params: DownloadParams, names_csv: str) -> Taken:
    """Verify an archive in Kaggle's layout, or pack a set of another one into the archive."""
    if arrived.is_dir():
        return _pack(folder_files(arrived), archive, params, names_csv)
    if source_kind(params.source) not in ("synthetic", "kaggle"):
        remedy = REMEDIES[source_kind(params.source)]
        with open_archive(arrived, name=source_name(params), remedy=remedy) as opened:
            if layout_of(list_members(opened)) != KAGGLE:
                check_directory(opened)
                digest_members(arrived)
                return _pack(zip_files(opened), archive, params, names_csv)
    return _verify(arrived, params)


def _pack(files: SourceFiles, archive: Path, params: DownloadParams, names_csv: str) -> OwnSet:
    name = source_name(params)
    try:
        packed = pack_own_set(files, archive, params, name=name, names_csv=names_csv)
    except SetError as error:
        raise StageError(f"{name}: {error}") from error
    if source_kind(params.source) == "folder":
        problem = wrong_checksum(archive, sha256_in_params(params.sha256))
        if problem:
            raise StageError(
                f"{name}: {problem}; correct download.sha256, or give the right source"
            )
    return packed


def _verify(arrived: Path, params: DownloadParams) -> Verified:
    kind = source_kind(params.source)
    name = source_name(params)
    verified = verify_archive(arrived, name=name, remedy=REMEDIES[kind], inventory=C_NMC_2019)
    if kind == "kaggle" and verified.differences and not params.accept_unknown_archive:
        raise StageError(
            f"{name} is not {C_NMC_2019.name}: {_first(verified.differences)}; set "
            "download.source to a copy of that, or download.accept_unknown_archive to true (what "
            f"has arrived is kept in {state_folder()} for it)"
        )
    return verified


def _first(differences: list[str], *, most: int = 3) -> str:
    rest = f"; and {len(differences) - most} more folders" if len(differences) > most else ""
    return "; ".join(differences[:most]) + rest


def _describe(archive: Path, params: DownloadParams, taken: Taken) -> dict[str, Any]:
    """Return the report, without paths and URLs, which may hold names or credentials."""
    kind = source_kind(params.source)
    return {
        "source": kind,
        **({"version": params.kaggle_dataset} if kind == "kaggle" else {}),
        **(_own_origin(taken) if isinstance(taken, OwnSet) else _origin(taken)),
        "bytes": archive.stat().st_size,
        "sha256": file_sha256(archive),
    }


def _origin(verified: Verified) -> dict[str, Any]:
    return {
        "synthetic": verified.synthetic,
        "verified": not verified.differences,
        "inventory": C_NMC_2019.name,
    }


def _own_origin(own: OwnSet) -> dict[str, Any]:
    key = {"pseudonym_key": own.pseudonym_key} if own.pseudonym_key else {}
    return {"synthetic": False, "verified": False, "layout": own.layout, **key}
