"""Plan the shards and write them, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.common.progress import progress
from stages.dataset.archive import open_archive
from stages.dataset.cell_table import SPLITS
from stages.dataset.shard_writer import write_index, write_shard
from stages.dataset.shards import shard_name
from stages.preprocess.appearance import COLUMNS, appearance
from stages.preprocess.images import read_pixels
from stages.preprocess.params import PreprocessParams


@dataclass(frozen=True)
class Shard:
    """A shard to write: its path under the shard folder and its rows of cells.csv."""

    name: str
    cells: pd.DataFrame


def plan_shards(cells: pd.DataFrame, cells_per_shard: int) -> dict[str, list[Shard]]:
    """Divide each split, in the order of `cells`, into shards; the last one holds the rest."""
    planned = {}
    for split in SPLITS:
        rows = cells[cells["split"] == split]
        starts = range(0, len(rows), cells_per_shard)
        planned[split] = [
            Shard(shard_name(split, number), rows.iloc[start : start + cells_per_shard])
            for number, start in enumerate(starts)
        ]
    return {split: shards for split, shards in planned.items() if shards}


def write_shards(
    planned: dict[str, list[Shard]], params: PreprocessParams, *, archive: Path, folder: Path
) -> pd.DataFrame:
    """Write the planned shards and their index into a folder, on all cores.

    The bytes do not depend on the number of workers: one worker writes each whole shard.

    Returns:
        The appearance of each cell, in the order of the shards; columns appearance.COLUMNS.

    Raises:
        StageError: if an image is missing, corrupt, or has the wrong size or form; or if a shard
            cannot be written.
    """
    shards = [shard for split in planned.values() for shard in split]
    total = sum(len(shard.cells) for shard in shards)
    with (
        progress(total=total, description="Preprocessing", unit="image") as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        # The largest shards start first. If they came last, one core would end long after.
        jobs = {
            shard.name: pool.submit(_write_shard, shard, params, archive, folder, bar.update)
            for shard in sorted(shards, key=lambda shard: -len(shard.cells))
        }
        try:
            measured = [row for shard in shards for row in jobs[shard.name].result()]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    write_index(
        folder,
        crop_size=params.crop_size or params.expected_size,
        image_size=params.image_size,
        cells=_cells_per_shard(planned),
    )
    return pd.DataFrame(measured, columns=COLUMNS)


def _write_shard(
    shard: Shard,
    params: PreprocessParams,
    archive: Path,
    folder: Path,
    advance: Callable[[int], object],
) -> list[tuple[Any, ...]]:
    measured: list[tuple[Any, ...]] = []

    def records() -> Iterator[tuple[np.ndarray[Any, np.dtype[np.uint8]], str, str]]:
        with open_archive(archive) as members:
            columns = ["split", "member", "label", "image"]
            for split, member, label, image in shard.cells[columns].to_numpy():
                pixels = read_pixels(members, member, params)
                measured.append((split, image, *appearance(pixels)))
                yield pixels, label, image
                advance(1)

    write_shard(records(), folder / shard.name)
    return measured


def _cells_per_shard(planned: dict[str, list[Shard]]) -> dict[str, list[int]]:
    return {split: [len(shard.cells) for shard in shards] for split, shards in planned.items()}
