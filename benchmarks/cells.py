"""Built-in cells at a size that matters, as far as the shards, made once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Made:
    """What the first three stages have made in `folder`, laid out as dvc.yaml has it."""

    folder: Path

    @property
    def archive(self) -> Path:
        """The archive."""
        return self.folder / "data/raw/cnmc.zip"

    @property
    def cells_csv(self) -> Path:
        """The table of cells."""
        return self.folder / "data/splits/cells.csv"

    @property
    def shards(self) -> Path:
        """The shard folder."""
        return self.folder / "data/shards"


def make_cells(folder: Path, *, cells: int, image_size: int, source: str = "synthetic") -> Made:
    """Run download, split and preprocess of the built-in profile in a folder, where not yet done.

    Args:
        folder: where it all goes; one folder for each number of cells and image size.
        cells: training images; a twelfth as many external ones come to them.
        image_size: pixels along an edge of what the model sees.
        source: an archive to take instead of drawing one, whatever `cells` says.

    Raises:
        subprocess.CalledProcessError: if a stage fails; it has said why.
    """
    made = Made(folder)
    if made.shards.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(
        yaml.safe_dump(_params(cells, image_size, source), sort_keys=False)
    )
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in ("download", "split", "preprocess"):
        _python, *arguments = pipeline[stage]["cmd"].split()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
    return made


def _params(cells: int, image_size: int, source: str) -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["profile"] = "synthetic"
    profile = params["profiles"]["synthetic"]
    drawn = {"synthetic_cells": cells} if source == "synthetic" else {}
    profile["download"] |= {"source": source, **drawn}
    profile["preprocess"]["image_size"] = image_size
    return params
