"""DVC stage download: fetch and verify the dataset archive and the initial weights."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from pathlib import Path
from typing import Annotated, Any

from stages.common.errors import StageError
from stages.common.files import atomic_path, file_sha256, write_json
from stages.common.stage_entry import run_stage
from stages.download.archive_source import fetch_archive, source_kind, source_name
from stages.download.inventory import C_NMC_2019
from stages.download.params import DownloadParams
from stages.download.partial_file import state_folder
from stages.download.verification import Verified, verify_archive
from stages.download.weights import make_keras_home, weights_kind

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
    with atomic_path(archive) as new_archive, atomic_path(keras_home) as new_home:

        def complete(arrived: Path) -> tuple[Verified, dict[str, Any]]:
            """Do the rest before the archive is moved: a failed run must keep a fetched file."""
            verified = _verify(arrived, params)
            make_keras_home(new_home, base=base, weights=params.weights)
            return verified, _describe(arrived, verified, params)

        verified, content = fetch_archive(params, new_archive, verify=complete)
        write_json(content, report)
    return _summary(content, verified, archive)


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


def _describe(archive: Path, verified: Verified, params: DownloadParams) -> dict[str, Any]:
    """Return the report, without paths and URLs, which may hold names or credentials."""
    kind = source_kind(params.source)
    sha256 = file_sha256(archive)
    return {
        "source": kind,
        **({"version": params.kaggle_dataset} if kind == "kaggle" else {}),
        "synthetic": verified.synthetic,
        "verified": not verified.differences,
        "inventory": C_NMC_2019.name,
        "bytes": archive.stat().st_size,
        "sha256": sha256,
        "weights": weights_kind(params.weights),
        "files": verified.files,
    }


def _summary(content: dict[str, Any], verified: Verified, archive: Path) -> str:
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
        f"weights {content['weights']} → {archive}"
    )


if __name__ == "__main__":
    run_stage(download)
