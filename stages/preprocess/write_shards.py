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
from stages.dataset.cell_table import TRAINING
from stages.dataset.image_decoding import decoding
from stages.dataset.shard_writer import Record, write_index, write_shard
from stages.preprocess.appearance import COLUMNS, appearance
from stages.preprocess.image_fit import PREPROCESS, fit_image, known_scale, rows_and_columns
from stages.preprocess.images import read_image
from stages.preprocess.params import PreprocessParams

_MEASURED = ["set", *COLUMNS, "source"]
"""What is measured of each cell; `source` is the width of its image in the archive."""

Measured = tuple[str, str, float, float, float, float, float, int, int]


@dataclass(frozen=True)
class CellSet:
    """Cells of one archive that become the shards of one folder.

    Attributes:
        name: TRAINING, or that of an external set.
        archive: the zip with the members.
        cells: image, member, label, and `microns_per_pixel` where it is known.
        params: how an image becomes a record.
        where: what `fit` stands in, for messages.
    """

    name: str
    archive: Path
    cells: pd.DataFrame
    params: PreprocessParams
    where: str = PREPROCESS


@dataclass(frozen=True)
class Shard:
    """A shard to write: its set, its folder, its number there, and its cells."""

    of: CellSet
    folder: Path
    number: int
    cells: pd.DataFrame


def plan_shards(cell_set: CellSet, folder: Path) -> list[Shard]:
    """Divide cells, in their order, into the shards of a folder; the last one holds the rest."""
    size = cell_set.params.cells_per_shard
    return [
        Shard(cell_set, folder, number, cell_set.cells.iloc[start : start + size])
        for number, start in enumerate(range(0, len(cell_set.cells), size))
    ]


def write_shards(sets: Sequence[tuple[CellSet, Path]]) -> pd.DataFrame:
    """Write the shards of all cells and their indexes, on all cores.

    The bytes do not depend on the number of workers: one worker writes each whole shard.

    Args:
        sets: the cells, and the shard folder of each set; first those for training.

    Returns:
        The appearance of each cell, in the order of the shards: columns `set` (its name) and
        appearance.COLUMNS.

    Raises:
        StageError: if an image is missing, corrupt, or has the wrong size or form; or if a shard
            cannot be written. With `fit: exact`, if the images are not all alike.
    """
    shards = [shard for cell_set, folder in sets for shard in plan_shards(cell_set, folder)]
    written = _write_all(shards)
    measured = pd.DataFrame([row for _, rows in written for row in rows], columns=_MEASURED)
    sizes: dict[str, tuple[int, int]] = {}
    for cell_set, folder in sets:
        crop_size = cell_set.params.crop_size
        if cell_set.params.fit == "exact":
            size = _size_of_all(measured[measured["set"] == cell_set.name], cell_set)
            crop_size = crop_size or size
            sizes[cell_set.name] = size, crop_size
        records = [
            records
            for shard, (records, _) in zip(shards, written, strict=True)
            if shard.folder == folder
        ]
        write_index(folder, records, crop_size=crop_size, image_size=cell_set.params.image_size)
    _require_one_scale(sizes, sets)
    return measured[["set", *COLUMNS]]


def _write_all(shards: Sequence[Shard]) -> list[tuple[pd.DataFrame, list[Measured]]]:
    """Write the shards on all cores; return the records and measures of each."""
    total = sum(len(shard.cells) for shard in shards)
    with (
        progress(total=total, description="Preprocessing", unit="image") as bar,
        decoding(),
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        # The largest shards start first. If they came last, one core would end long after.
        jobs = {
            number: pool.submit(_write_shard, shards[number], bar.update)
            for number in sorted(range(len(shards)), key=lambda number: -len(shards[number].cells))
        }
        try:
            return [jobs[number].result() for number in range(len(shards))]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _size_of_all(measured: pd.DataFrame, cell_set: CellSet) -> int:
    """Return the edge of the images, which must all have the same."""
    sizes = measured["source"].value_counts()
    if len(sizes) > 1:
        found = ", ".join(f"{size}×{size} ({count:,})" for size, count in sizes.items())
        odd = measured.loc[measured["source"] == sizes.index[-1], "image"].iloc[0]
        raise StageError(
            f"{cell_set.archive}: the images are of {len(sizes)} sizes: {found}, the last one of "
            f"{odd}; expected all alike where `{cell_set.where}.fit` is exact; set it to whole, or "
            f"to crop with a `{cell_set.where}.crop_size`"
        )
    return int(sizes.index[0])


def _require_one_scale(
    sizes: Mapping[str, tuple[int, int]], sets: Sequence[tuple[CellSet, Path]]
) -> None:
    """Refuse exact sets of other sizes than exact training images: nothing says their scale."""
    for cell_set, _ in sets:
        found, ours = sizes.get(cell_set.name), sizes.get(TRAINING)
        if found is not None and ours is not None and found != ours:
            raise StageError(
                f"{cell_set.archive}: the images of {cell_set.name} are {found[0]} px wide, of "
                f"which {found[1]} are taken, and those of the training set {ours[0]}, of which "
                f"{ours[1]}; expected the same where both are `fit: exact`; set "
                f"`{cell_set.where}.fit` to whole, or to crop with a `{cell_set.where}.crop_size`"
            )


def _write_shard(
    shard: Shard, advance: Callable[[int], object]
) -> tuple[pd.DataFrame, list[Measured]]:
    measured: list[Measured] = []
    of, params = shard.of, shard.of.params

    def records() -> Iterator[Record]:
        scales = shard.cells.get("microns_per_pixel", pd.Series(index=shard.cells.index))
        rows = shard.cells[["member", "label", "image"]].to_numpy()
        with open_archive(of.archive) as members:
            for (member, label, image), scale in zip(rows, scales, strict=True):
                original = read_image(members, member, background=params.background)
                known = known_scale(scale)
                try:
                    fitted = fit_image(original, params, microns_per_pixel=known, where=of.where)
                except StageError as error:
                    raise StageError(f"{of.archive}: {member}: {error}") from error
                pixels = np.asarray(fitted)
                picture = rows_and_columns(original.size, params, microns_per_pixel=known)
                measured.append((of.name, image, *appearance(pixels, picture), original.width))
                yield pixels, label, image
                advance(1)

    return write_shard(records(), shard.folder, number=shard.number), measured
