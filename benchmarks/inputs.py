"""Time the training input against the notebook's generator, Keras, PyTorch and the page cache.

    .venv/bin/python -m benchmarks.inputs --json rows.json

Each way runs in its own process, see input_ways.py. Its imports are not timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cells import ROOT, Made, kept_cells
from benchmarks.rows import NO_TORCH, Row, part_parser, tell
from benchmarks.turns import in_turns, ratio
from stages.dataset.cell_table import read_cells

PROJECT, FLOOR = "project", "page_cache"
FIRST, LATER = "input, first epoch", "input, later epochs"
PAGE_CACHE = "reading the same decoded bytes from the page cache"
GENERATOR = "ImageDataGenerator.flow_from_dataframe, as in the notebook"
DIRECTORY = "keras.utils.image_dataset_from_directory"
TARGETS = (
    ("first", "generator", GENERATOR, 4.0),
    ("later", "generator", GENERATOR, 20.0),
    ("later", FLOOR, PAGE_CACHE, 0.3),
    ("later", "directory", DIRECTORY, 5.0),
    ("later", "torch", "PyTorch's DataLoader, 2 workers", 5.0),
)
"""Which epoch, the other way, its name, and how many times as fast this project should be."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        made = kept_cells(folder, cells=options.cells, image_size=options.image_size, whole=True)
        images = _unpack(made)
        later: dict[str, list[float]] = {}
        ways = {
            way: _way(way, made.folder, later.setdefault(way, []))
            for way in (PROJECT, *(way for _, way, _, _ in TARGETS[1:]))
            if way != "torch" or importlib.util.find_spec("torch")
        }
        seconds = {"first": in_turns(ways, rounds=options.rounds), "later": later}
    how = (
        f"an epoch of {images:,} built-in images of {options.image_size} px, batches of 40, "
        "shuffled, flipped, this project's in an order that the seed decides; used by nobody; "
        "images/s by images/s."
    )
    tell([_row(target, seconds[target[0]], how) for target in TARGETS], options.json)


def _row(target: tuple[str, str, str, float], seconds: dict[str, list[float]], how: str) -> Row:
    epoch, way, against, times = target
    starts = {
        "first": "From shards and BMP files of 450 px, which the page cache holds, all it takes: ",
        "later": "From memory and BMP files, with what each epoch begins with: ",
    }
    return Row(
        part={"first": FIRST, "later": LATER}[epoch],
        against=against,
        how=starts[epoch] + how,
        ratio=ratio(seconds, way, PROJECT) if way in seconds else None,
        target={"at_least": times},
        ways={name: seconds[name] for name in (PROJECT, way) if name in seconds},
        why="" if way in seconds else NO_TORCH,
    )


def _unpack(made: Made) -> int:
    """Write the training images as files, and their decoded bytes; return how many they are."""
    cells = read_cells(made.cells_csv)
    cells = cells[cells["split"] == "train"]
    if not (made.folder / "decoded").exists():
        with zipfile.ZipFile(made.archive) as archive:
            for member, label, image in cells[["member", "label", "image"]].to_numpy():
                path = made.folder / "unpacked" / label / image
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(member))
        index = json.loads((made.shards / "index.json").read_text(encoding="utf-8"))
        image_bytes = 3 * index["image_size"] ** 2
        (made.folder / "decoded").write_bytes(os.urandom(image_bytes) * len(cells))
    return len(cells)


def _way(way: str, folder: Path, later: list[float]) -> Callable[[], float]:
    """Return a function that times a way's first epoch, and appends a later epoch to `later`."""

    def run() -> float:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.input_ways", way, folder.absolute()],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        epochs = json.loads(done.stdout.splitlines()[-1])
        later.append(epochs["later"])
        return float(epochs["first"])

    return run


def _parser() -> argparse.ArgumentParser:
    parser = part_parser("inputs", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=224, help="pixels along an edge")
    return parser


if __name__ == "__main__":
    main()
