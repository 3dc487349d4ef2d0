"""Plan the shards and write them, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import open_archive
from stages.dataset.image_decoding import decoding
from stages.dataset.shard_writer import Record, write_index, write_shard
from stages.preprocess.appearance import COLUMNS, appearance
from stages.preprocess.image_fit import fit_image, known_scale
from stages.preprocess.images import read_image
from stages.preprocess.params import PreprocessParams

_MEASURED = [*COLUMNS, "source"]
"""What is measured of each cell; `source` is the width of its image in the archive."""

Measured = tuple[str, float, float, float, float, float, int, int]


@dataclass(frozen=True)
class Shard:
    """A shard to write: its folder, its number there, and its cells."""

    folder: Path
    number: int
    cells: pd.DataFrame


def plan_shards(folder: Path, cells: pd.DataFrame, cells_per_shard: int) -> list[Shard]:
    """Divide cells, in their order, into the shards of a folder; the last one holds the rest."""
    starts = range(0, len(cells), cells_per_shard)
    return [
        Shard(folder, number, cells.iloc[start : start + cells_per_shard])
        for number, start in enumerate(starts)
    ]


def write_shards(
    cells: Mapping[Path, pd.DataFrame], params: PreprocessParams, *, archive: Path
) -> pd.DataFrame:
    """Write the shards of all cells and their indexes, on all cores.

    The bytes do not depend on the number of workers: one worker writes each whole shard.

    Args:
        cells: for each shard folder its cells: image, member, label, and `microns_per_pixel` where
            it is known.
        params: how an image becomes a record.
        archive: the zip with the members.

    Returns:
        The appearance of each cell, in the order of the shards; columns appearance.COLUMNS.

    Raises:
        StageError: if an image is missing, corrupt, or has the wrong size or form; or if a shard
            cannot be written. With `fit: exact`, if the images are not all alike.
    """
    shards = [
        shard
        for folder, listed in cells.items()
        for shard in plan_shards(folder, listed, params.cells_per_shard)
    ]
    written = _write_all(shards, params, archive)
    measured = pd.DataFrame([row for _, rows in written for row in rows], columns=_MEASURED)
    crop_size = params.crop_size
    if params.fit == "exact":
        size = _size_of_all(measured, archive)
        crop_size = crop_size or size
    for folder in cells:
        records = [
            records
            for shard, (records, _) in zip(shards, written, strict=True)
            if shard.folder == folder
        ]
        write_index(folder, records, crop_size=crop_size, image_size=params.image_size)
    return measured[list(COLUMNS)]


def _write_all(
    shards: Sequence[Shard], params: PreprocessParams, archive: Path
) -> list[tuple[pd.DataFrame, list[Measured]]]:
    """Write the shards on all cores; return the records and measures of each."""
    total = sum(len(shard.cells) for shard in shards)
    with (
        progress(total=total, description="Preprocessing", unit="image") as bar,
        decoding(),
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        # The largest shards start first. If they came last, one core would end long after.
        jobs = {
            number: pool.submit(_write_shard, shards[number], params, archive, bar.update)
            for number in sorted(range(len(shards)), key=lambda number: -len(shards[number].cells))
        }
        try:
            return [jobs[number].result() for number in range(len(shards))]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _size_of_all(measured: pd.DataFrame, archive: Path) -> int:
    """Return the edge of the images, which must all have the same."""
    sizes = measured["source"].value_counts()
    if len(sizes) > 1:
        found = ", ".join(f"{size}×{size} ({count:,})" for size, count in sizes.items())
        odd = measured.loc[measured["source"] == sizes.index[-1], "image"].iloc[0]
        raise StageError(
            f"{archive}: the images are of {len(sizes)} sizes: {found}, the last one of {odd}; "
            "expected all alike where `preprocess.fit` is exact; set it to whole, or to crop with "
            "a `preprocess.crop_size`"
        )
    return int(sizes.index[0])


def _write_shard(
    shard: Shard, params: PreprocessParams, archive: Path, advance: Callable[[int], object]
) -> tuple[pd.DataFrame, list[Measured]]:
    measured: list[Measured] = []

    def records() -> Iterator[Record]:
        scales = shard.cells.get("microns_per_pixel", pd.Series(index=shard.cells.index))
        rows = shard.cells[["member", "label", "image"]].to_numpy()
        with open_archive(archive) as members:
            for (member, label, image), scale in zip(rows, scales, strict=True):
                original = read_image(members, member, background=params.background)
                try:
                    fitted = fit_image(original, params, microns_per_pixel=known_scale(scale))
                except StageError as error:
                    raise StageError(f"{archive}: {member}: {error}") from error
                pixels = np.asarray(fitted)
                measured.append((image, *appearance(pixels), original.width))
                yield pixels, label, image
                advance(1)

    return write_shard(records(), shard.folder, number=shard.number), measured
