"""DVC stage download: bring in the archive and the ImageNet weights, verified."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from stages.archive import is_synthetic, open_archive, verify_archive
from stages.download.sources import fetch_archive, source_kind, source_name
from stages.download.weights import make_keras_home
from stages.errors import StageError
from stages.files import atomic_path, write_json
from stages.params import DownloadParams, ModelParams
from stages.stage import run_stage


def download(
    params: DownloadParams,
    *,
    model: ModelParams,
    seed: int,
    archive: Path,
    keras_home: Path,
    report: Path,
) -> str:
    """Bring in the archive and the ImageNet weights, verified, and report what came."""
    with atomic_path(archive) as new_archive, atomic_path(keras_home) as new_home:
        make_keras_home(new_home, base=model.base, weights=params.weights)
        fetch_archive(params, new_archive, seed=seed)
        cells = _verify(new_archive, name=source_name(params))
        content = _describe(new_archive, cells, params)
    write_json(content, report)
    return _summary(content, cells, archive)


def count_images(cells: pd.DataFrame) -> dict[str, int]:
    """Count the images by official fold and class, and the preliminary ones."""
    external = cells["fold"] == "preliminary"
    training = cells[~external]
    folders = "training_data/" + training["fold"] + "/" + training["label"]
    counts = folders.value_counts().sort_index()
    return {str(folder): int(count) for folder, count in counts.items()} | {
        "preliminary": int(external.sum())
    }


def _verify(new_archive: Path, *, name: str) -> pd.DataFrame:
    try:
        return verify_archive(new_archive)
    except StageError as error:  # the user knows the source, not the temporary file
        raise StageError(str(error).replace(str(new_archive), name)) from error


def _describe(archive: Path, cells: pd.DataFrame, params: DownloadParams) -> dict[str, Any]:
    """Return the report; no path and no URL, which may hold names or credentials."""
    kind = source_kind(params.source)
    with open_archive(archive) as opened:
        synthetic = is_synthetic(opened)
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "source": kind,
        **({"dataset": params.kaggle_dataset} if kind == "kaggle" else {}),
        "synthetic": synthetic,
        "bytes": archive.stat().st_size,
        "sha256": sha256,
        "weights": params.weights,
        "images": count_images(cells),
    }


def _summary(content: dict[str, Any], cells: pd.DataFrame, archive: Path) -> str:
    training = cells.loc[cells["fold"] != "preliminary", "label"]
    return (
        f"{len(cells):,} {'synthetic ' if content['synthetic'] else ''}images "
        f"({(training == 'all').sum():,} ALL, {(training == 'hem').sum():,} HEM, "
        f"{content['images']['preliminary']:,} preliminary), {content['bytes'] / 1e6:,.1f} MB, "
        f"source {content['source']}, weights {content['weights']} → {archive}"
    )


if __name__ == "__main__":
    run_stage(download)
