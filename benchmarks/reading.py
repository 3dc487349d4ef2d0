"""Time reading a part of the shards against reading shards that hold this part alone.

    .venv/bin/python -m benchmarks.reading --json rows.json

Both sides read the same built-in cells into memory, on all cores, in one process.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from benchmarks import zlib_shards
from benchmarks.cells import ROOT, Made, kept_cells
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import in_turns, ratio
from stages.common.params_file import load_params
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.cell_table import read_cells
from stages.dataset.shard_reader import read_part
from stages.preprocess.params import PreprocessParams

PARTS = ("train", "test")
ALONE, SHARED = "part alone", "shared shards"
AGAINST = "shards of this part alone, TFRecord with ZLIB"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    options = _parser().parse_args(arguments)
    import_tensorflow()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        made = kept_cells(folder, cells=options.cells, image_size=options.image_size, whole=True)
        rows = [_row(part, made, Path(scratch), options) for part in PARTS]
    tell(rows, options.json)


def _row(part: str, made: Made, scratch: Path, options: argparse.Namespace) -> Row:
    listed = read_cells(made.cells_csv)
    cells = read_part(made.shards, listed, part)
    params = load_params(ROOT / "params.yaml").section(PreprocessParams)
    alone = scratch / part
    zlib_shards.write(cells, alone, cells_per_shard=params.cells_per_shard)
    count = len(cells.labels)
    ways = {
        SHARED: _timed(lambda: read_part(made.shards, listed, part).images[:]),
        ALONE: _timed(lambda: zlib_shards.read(alone, count, options.image_size)),
    }
    seconds = in_turns(ways, rounds=options.rounds)
    size = _bytes(pd.read_csv(made.shards / "records.csv"), cells.image_ids)
    smaller = size / sum(path.stat().st_size for path in alone.iterdir())
    shutil.rmtree(alone)
    return Row(
        part=f"reading the part {part}",
        against=AGAINST,
        how=(
            f"{count:,} of {len(listed):,} built-in cells of {options.image_size} px, from the "
            f"page cache into memory; their records take {smaller:.2f} times the bytes."
        ),
        ratio=ratio(seconds, SHARED, ALONE),
        target={"at_most": 1.1},
        ways=seconds,
    )


def _timed(read: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        read()
        return time.perf_counter() - began

    return run


def _bytes(records: pd.DataFrame, images: Sequence[str]) -> int:
    return int(records.loc[records["image"].isin(images), "size"].sum())


def _parser() -> argparse.ArgumentParser:
    parser = part_parser("reading", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=224, help="pixels along an edge")
    return parser


if __name__ == "__main__":
    main()
