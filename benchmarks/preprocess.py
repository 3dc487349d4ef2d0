"""Time preprocess against inflating and decoding alone, against the usual way, and by size.

    .venv/bin/python -m benchmarks.preprocess --json rows.json

It times whole processes, from start to end, on built-in cells and, if present, on the sample of
real images. They resize the whole image of 450 px.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.cells import DRAWN_SIZE, ROOT, make_cells
from benchmarks.process import Cost, run_python
from benchmarks.repeated import repeat_cells
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import Seconds, in_turns, ratio
from stages.dataset.cell_table import read_cells
from stages.dataset.external_sets import write_choices

SAMPLE = ROOT.parent / "shared/data/cnmc-sample.zip"
STAGE, FLOOR, PEER = "preprocess", "floor", "peer"
PART = "preprocess, whole stage"
BUILT_IN, REAL = "built-in images", "real images"
FLOOR_TEXT = "only inflating and decoding the same members"
PEER_TEXT = "unpack, Pillow bilinear, PNG in TFRecord, one process"


@dataclass(frozen=True)
class Source:
    """Images of one kind: an archive, the table of its cells, and their number."""

    name: str
    archive: Path
    cells_csv: Path
    images: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        runs = _Runs(Path(scratch), options.image_size)
        sources = [_repeated(folder, options.cells, images) for images in options.sizes]
        rows = _of_built_in(sources, runs, options.rounds)
        if options.sample.is_file():
            real = _real(folder, options.sample)
            rows += _beside_others(real, runs, in_turns(runs.ways(real), rounds=options.rounds))
    tell(rows, options.json)


def _repeated(folder: Path, cells: int, images: int) -> Source:
    """Return a source of `images` images, repeated from built-in ones."""
    drawn = make_cells(folder / f"cells-{cells}", cells=cells, image_size=DRAWN_SIZE)
    repeated = repeat_cells(drawn.archive, drawn.cells_csv, folder, images=images)
    return Source(BUILT_IN, *repeated, images)


def _real(folder: Path, sample: Path) -> Source:
    made = make_cells(
        folder / "sample", cells=0, image_size=DRAWN_SIZE, source=str(sample.absolute())
    )
    return Source(REAL, made.archive, made.cells_csv, len(read_cells(made.cells_csv)))


@dataclass
class _Runs:
    """Runs of one way each, in a folder that is removed after each run."""

    scratch: Path
    image_size: int

    def ways(self, source: Source) -> dict[str, Callable[[], float]]:
        """Return the runs of the stage, the floor and the peer."""
        return {way: self.way(way, source) for way in (STAGE, FLOOR, PEER)}

    def way(
        self, way: str, source: Source, peaks: list[float] | None = None
    ) -> Callable[[], float]:
        """Return a function that runs a way and returns its seconds; `peaks` gets its peak, MB."""

        def run() -> float:
            folder = self.scratch / "run"
            folder.mkdir()
            cost = self._stage(source, folder) if way == STAGE else self._other(way, source, folder)
            shutil.rmtree(folder)
            if peaks is not None:
                peaks.append(cost.peak_bytes / 1e6)
            return cost.seconds

        return run

    def _stage(self, source: Source, folder: Path) -> Cost:
        params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        changed = {"crop_size": None, "image_size": self.image_size}
        params["profiles"][params["profile"]]["preprocess"] |= changed
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        write_choices([], folder / "raw")
        shards = ("--external=raw", "--training-shards=training", "--external-shards=external")
        paths = (f"--archive={source.archive}", *shards, "--appearance-csv=appearance.csv")
        return run_python("-m", "stages.preprocess", *paths, folder=folder)

    def _other(self, way: str, source: Source, folder: Path) -> Cost:
        paths = (way, source.archive, source.cells_csv, str(self.image_size), folder)
        return run_python("-m", "benchmarks.preprocess_peers", *paths, folder=folder)


def _of_built_in(sources: Sequence[Source], runs: _Runs, rounds: int) -> list[Row]:
    """Time the stage at all sizes, and the others at the middle size, in the same rounds."""
    middle = sources[1]
    peaks: dict[int, list[float]] = {source.images: [] for source in sources}
    names = {source.images: f"{source.images:,} images" for source in sources}
    names[middle.images] = STAGE
    growing = {
        names[source.images]: runs.way(STAGE, source, peaks[source.images]) for source in sources
    }
    seconds = in_turns(runs.ways(middle) | growing, rounds=rounds)
    times = {images: seconds[name] for images, name in names.items()}
    return _beside_others(middle, runs, seconds) + _growth(times, peaks, runs)


def _beside_others(source: Source, runs: _Runs, seconds: Seconds) -> list[Row]:
    what = f"{source.images:,} {source.name} of 450 px to {runs.image_size} px"
    rows = []
    for other, text, target, does in (
        (FLOOR, FLOOR_TEXT, 0.7, "zipfile and Pillow, a process for each core"),
        (PEER, PEER_TEXT, 3.0, "TensorFlow's writer"),
    ):
        rows.append(
            Row(
                part=f"{PART}, {source.name}",
                against=text,
                how=f"Images/s by images/s, whole processes with their start; {what}; {does}.",
                ratio=ratio(seconds, other, STAGE),
                target={"at_least": target},
                ways={way: seconds[way] for way in (STAGE, other)},
            )
        )
    return rows


def _growth(
    seconds: Mapping[int, list[float]], peaks: Mapping[int, list[float]], runs: _Runs
) -> list[Row]:
    """Compare time and memory at three numbers of images."""
    sizes = list(seconds)
    small, middle, large = (statistics.median(seconds[size]) for size in sizes)
    each = max(middle - small, 0) / (sizes[1] - sizes[0])
    on_the_line = middle + each * (sizes[2] - sizes[1])
    highest = [statistics.median(peaks[size]) for size in sizes]
    growth = " → ".join(f"{size:,}" for size in sizes)
    how = (
        "The built-in images, taken or repeated under other names in a zip, their compressed bytes "
        f"copied; {runs.image_size} px."
    )
    return [
        Row(
            part=PART,
            against=f"time on a line, {growth}",
            how=f"The largest set's time by that on the line through the smaller two. {how}",
            ratio=large / on_the_line,
            target={"at_most": 1.1},
            ways={f"{size:,} images": seconds[size] for size in sizes},
        ),
        Row(
            part=PART,
            against=f"peak memory, {growth}",
            how=f"Of the whole process tree, the largest set by the smallest. {how}",
            ratio=highest[-1] / highest[0],
            target={"at_most": 1.1},
            ways={f"{size:,} images": peaks[size] for size in sizes},
            unit="MB",
        ),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = part_parser("preprocess", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--sizes", type=int, nargs=3, default=(500, 2000, 8000), help="images")
    parser.add_argument("--image-size", type=int, default=224, help="pixels along an edge")
    parser.add_argument("--sample", type=Path, default=SAMPLE, help="real images, if there")
    return parser


if __name__ == "__main__":
    main()
