"""DVC stage download: fetch and verify the dataset archive and the initial weights."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from pathlib import Path
from typing import Annotated, Any

from stages.common.errors import StageError
from stages.common.files import atomic_path, file_sha256, temporary_path, write_json
from stages.common.stage_entry import run_stage
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
from stages.download.weights import make_keras_home, weights_kind
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


def download(
    params: DownloadParams,
    *,
    base: Annotated[str, "model.base"],
    archive: Path,
    keras_home: Path,
    report: Path,
) -> str:
    """Fetch and verify the archive and the initial weights, and write a report."""
    with (
        atomic_path(archive) as new_archive,
        temporary_path(archive.with_name("source.zip")) as fetched,
        atomic_path(keras_home) as new_home,
    ):

        def complete(arrived: Path) -> tuple[dict[str, Any], str]:
            """Do the rest before the archive is moved: a failed run must keep a fetched file."""
            taken = _take(arrived, new_archive, params)
            make_keras_home(new_home, base=base, weights=params.weights)
            if isinstance(taken, OwnSet):
                content = _describe(new_archive, params, _own_origin(taken)) | _own_counts(taken)
                return content, _own_summary(content, taken)
            content = _describe(arrived, params, _origin(taken)) | {"files": taken.files}
            return content, _summary(content, taken)

        content, summary = fetch_archive(params, fetched, verify=complete)
        if not new_archive.exists():
            fetched.replace(new_archive)
        write_json(content, report)
    return f"{summary} → {archive}"


def _take(arrived: Path, new_archive: Path, params: DownloadParams) -> Verified | OwnSet:
    """Verify an archive in Kaggle's layout, or pack a set of another one into the new archive."""
    if arrived.is_dir():
        return _pack(folder_files(arrived), new_archive, params)
    if source_kind(params.source) not in ("synthetic", "kaggle"):
        remedy = REMEDIES[source_kind(params.source)]
        with open_archive(arrived, name=source_name(params), remedy=remedy) as archive:
            if layout_of(list_members(archive)) != KAGGLE:
                check_directory(archive)
                digest_members(arrived)
                return _pack(zip_files(archive), new_archive, params)
    return _verify(arrived, params)


def _pack(files: SourceFiles, new_archive: Path, params: DownloadParams) -> OwnSet:
    name = source_name(params)
    try:
        packed = pack_own_set(files, new_archive, params, name=name)
    except SetError as error:
        raise StageError(f"{name}: {error}") from error
    if source_kind(params.source) == "folder":
        problem = wrong_checksum(new_archive, sha256_in_params(params.sha256))
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


def _describe(archive: Path, params: DownloadParams, origin: dict[str, Any]) -> dict[str, Any]:
    """Return the report, without paths and URLs, which may hold names or credentials."""
    kind = source_kind(params.source)
    return {
        "source": kind,
        **({"version": params.kaggle_dataset} if kind == "kaggle" else {}),
        **origin,
        "bytes": archive.stat().st_size,
        "sha256": file_sha256(archive),
        "weights": weights_kind(params.weights),
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


def _own_counts(own: OwnSet) -> dict[str, Any]:
    (narrowest, widest), (lowest, highest) = own.sizes
    return {
        "images": len(own.table),
        "classes": own.classes,
        "other_files": own.other_files,
        "width": {"least": narrowest, "most": widest},
        "height": {"least": lowest, "most": highest},
    }


def _summary(content: dict[str, Any], verified: Verified) -> str:
    cells = verified.cells
    training = cells.loc[cells["fold"] != "preliminary", "label"]
    known = f"verified as {C_NMC_2019.name}"
    if not content["verified"]:
        known = f"not verified as {C_NMC_2019.name} ({verified.differences[0]})"
    return (
        f"{len(cells):,} {'synthetic ' if content['synthetic'] else ''}images "
        f"({(training == 'all').sum():,} ALL, {(training == 'hem').sum():,} HEM, "
        f"{len(cells) - len(training):,} preliminary), {content['bytes'] / 1e6:,.1f} MB, "
        f"{'' if content['synthetic'] else f'{known}, '}source {content['source']}, "
        f"weights {content['weights']}"
    )


def _own_summary(content: dict[str, Any], own: OwnSet) -> str:
    (narrowest, widest), (lowest, highest) = own.sizes
    ignored = sum(own.classes["ignored"].values())
    return (
        f"{len(own.table):,} images ({_classes(own, 'all')}; {_classes(own, 'hem')}), "
        f"{ignored:,} ignored, {own.other_files:,} other files, recognized as {own.layout}"
        f"{_columns(own)}, {narrowest:,} to {widest:,} px wide and {lowest:,} to {highest:,} high, "
        f"{content['bytes'] / 1e6:,.1f} MB, source {content['source']}, "
        f"weights {content['weights']}"
    )


def _classes(own: OwnSet, label: str) -> str:
    """Say how many images of a class there are, and what the set calls them."""
    counts = own.classes[label]
    named = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    told = "" if [name.lower() for name in counts] == [label] else f": {named}"
    return f"{sum(counts.values()):,} {label.upper()}{told}"


def _columns(own: OwnSet) -> str:
    others = [str(column) for column in own.table if column not in ("file_name", "label")]
    return f" with {', '.join(others)}" if others else ""


if __name__ == "__main__":
    run_stage(download)
