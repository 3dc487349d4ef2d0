"""Time the training input against a GPU's need, Keras and PyTorch.

    .venv/bin/python -m benchmarks.inputs --json rows.json

Each way runs in its own process, see input_ways.py. Its imports are not timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.cells import ROOT, Made, kept_cells
from benchmarks.rows import NO_TORCH, Row, part_parser, tell
from benchmarks.turns import in_turns, ratio
from stages.dataset.cell_table import read_cells

PROJECT = "project"
PART = "input"
GPU = "a step on a GPU of 2,000 images/s"
_GPU_RATE = 2000
PEERS = {
    "directory": "keras.utils.image_dataset_from_directory",
    "torch": "PyTorch's DataLoader, 2 workers",
}
_TIMES = 5.0
"""How many times as fast as a peer this project should be."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        made = kept_cells(folder, cells=options.cells, image_size=options.image_size, whole=True)
        images = _unpack(made)
        present = [way for way in PEERS if way != "torch" or importlib.util.find_spec("torch")]
        ways = {way: _way(way, made.folder) for way in (PROJECT, *present)}
        seconds = in_turns(ways, rounds=options.rounds)
    how = (
        f"A later epoch of {images:,} built-in images of {options.image_size} px, with what each "
        "epoch begins with: batches of 40, shuffled, flipped, this project's decoded from its "
        "shards in an order that the seed decides; used by nobody; "
    )
    tell(
        [_share(seconds[PROJECT], images, how), *(_row(way, seconds, how) for way in PEERS)],
        options.json,
    )


def _share(seconds: list[float], images: int, how: str) -> Row:
    """Return how long the input takes where the GPU takes 1: above that, the GPU waits."""
    return Row(
        part=PART,
        against=GPU,
        how=how + "seconds by seconds. Both work at the same time.",
        ratio=statistics.median(seconds) / images * _GPU_RATE,
        target={"at_most": 1},
        ways={PROJECT: seconds},
    )


def _row(way: str, seconds: Mapping[str, list[float]], how: str) -> Row:
    return Row(
        part=PART,
        against=PEERS[way],
        how=how + "images/s by images/s, from BMP files of 450 px in the page cache.",
        ratio=ratio(seconds, way, PROJECT) if way in seconds else None,
        target={"at_least": _TIMES},
        ways={name: seconds[name] for name in (PROJECT, way) if name in seconds},
        why="" if way in seconds else NO_TORCH,
    )


def _unpack(made: Made) -> int:
    """Write the training images as files; return how many they are."""
    cells = read_cells(made.cells_csv)
    cells = cells[cells["split"] == "train"]
    if not (made.folder / "unpacked").exists():
        with zipfile.ZipFile(made.archive) as archive:
            for member, label, image in cells[["member", "label", "image"]].to_numpy():
                path = made.folder / "unpacked" / label / image
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(member))
    return len(cells)


def _way(way: str, folder: Path) -> Callable[[], float]:
    """Return a function that times a later epoch of a way."""

    def run() -> float:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.input_ways", way, folder.absolute()],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return float(done.stdout.splitlines()[-1])

    return run


def _parser() -> argparse.ArgumentParser:
    parser = part_parser("inputs", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=224, help="pixels along an edge")
    return parser


if __name__ == "__main__":
    main()
