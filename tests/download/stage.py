"""Run the stage download, with its outputs in a folder as dvc.yaml places them."""

from __future__ import annotations

from pathlib import Path

from stages.common.params_file import load_params
from stages.download.__main__ import download
from stages.download.params import DownloadParams
from tests.conftest import ROOT

PARAMS = load_params(ROOT / "params.yaml")


def run_download(params: DownloadParams, folder: Path) -> str:
    """Return the line of the stage."""
    return download(
        params,
        base=PARAMS.model.base,
        archive=folder / "data/raw/cnmc.zip",
        external=folder / "data/raw/external",
        keras_home=folder / "data/raw/keras_home",
        report=folder / "metrics/download.json",
    )


def files(folder: Path) -> list[str]:
    """List the files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
