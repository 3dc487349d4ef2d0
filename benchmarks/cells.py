"""Make built-in cells of realistic size, up to the shards, once, and keep them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
DRAWN_SIZE = 64
"""Edge in pixels of an archive's first shards. Shards of other sizes use the same archive."""


@dataclass(frozen=True)
class Made:
    """Outputs of the first three stages in `folder`, at the paths in dvc.yaml."""

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
    def external_csv(self) -> Path:
        """The table of external cells."""
        return self.folder / "data/splits/external.csv"

    @property
    def shards(self) -> Path:
        """The shard folder of the cells in `cells_csv`."""
        return self.folder / "data/shards/training"

    @property
    def external_shards(self) -> Path:
        """The shard folder of the external cells."""
        return self.folder / "data/shards/external"


def kept_cells(folder: Path, *, cells: int, image_size: int, whole: bool = False) -> Made:
    """Draw an archive once in a folder, and make the shards of each image size from it.

    Args:
        folder: where they are kept.
        cells: number of training images; a twelfth as many external ones are added.
        image_size: edge of the model's input in pixels.
        whole: make shards of the whole image, 450 px, as in the real profile; else of its centre.
    """
    drawn = make_cells(folder / f"cells-{cells}", cells=cells, image_size=DRAWN_SIZE)
    return make_cells(
        folder / f"cells-{cells}-{image_size}{'-whole' * whole}",
        cells=cells,
        image_size=image_size,
        source=str(drawn.archive.absolute()),
        whole=whole,
    )


def make_cells(
    folder: Path, *, cells: int, image_size: int, source: str = "synthetic", whole: bool = False
) -> Made:
    """Run download, split and preprocess of the built-in profile in a folder, if not yet done.

    Args:
        folder: where the outputs go; one folder for each number of cells and image size.
        cells: number of training images; a twelfth as many external ones are added.
        image_size: edge of the model's input in pixels.
        source: an archive to use instead of drawing one; `cells` is then ignored.
        whole: make shards of the whole image; else of its centre, as in the built-in profile.

    Raises:
        subprocess.CalledProcessError: if a stage fails; the stage has printed why.
    """
    made = Made(folder)
    if made.shards.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(
        yaml.safe_dump(_params(cells, image_size, source, whole), sort_keys=False)
    )
    for stage in ("download", "split", "preprocess"):
        subprocess.run(
            [sys.executable, *stage_arguments(stage)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
    return made


def stage_arguments(stage: str) -> list[str]:
    """Return Python's arguments to run a stage, from dvc.yaml."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    command: str = stages[stage]["cmd"]
    return command.removeprefix("exec ").split()[1:]


def spread(count: int, wanted: int) -> list[int]:
    """Return `wanted` evenly spaced indices of `count` cells: neighbours are of one class."""
    return [number * count // wanted for number in range(wanted)]


def _params(cells: int, image_size: int, source: str, whole: bool) -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["profile"] = "synthetic"
    profile = params["profiles"]["synthetic"]
    drawn = {"synthetic_cells": cells} if source == "synthetic" else {}
    profile["download"] |= {"source": source, **drawn}
    profile["preprocess"]["image_size"] = image_size
    if whole:
        profile["preprocess"]["crop_size"] = None
    return params
