"""Time `stages.predict` against Keras' `Model.predict` on the same files, and its start.

    .venv/bin/python -m benchmarks.predict --json figures.json

It uses the models of the checkout (`dvc repro` makes them) and cells drawn for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cells import ROOT, kept_cells
from benchmarks.process import run_python
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import in_turns, ratio

ONNX, KERAS = "stages.predict", "Keras"
PART, AGAINST = "predict, images/s", "Keras' `Model.predict`, read by `tf.data`"
START, ASKED = "start of predict, in seconds", "what is asked for"
MODELS = {ONNX: ROOT / "models/model.onnx", KERAS: ROOT / "models/model.keras"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    parser = part_parser("predict", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="images that are predicted")
    options = parser.parse_args(arguments)
    if missing := [str(path) for path in MODELS.values() if not path.exists()]:
        sys.exit(f"{' and '.join(missing)}: missing; `dvc repro` makes what is missing")
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        files = unpacked(folder, cells=options.cells)
        seconds = in_turns(
            {ONNX: _way("onnx", ONNX, files), KERAS: _way("keras", KERAS, files)},
            rounds=options.rounds,
        )
        starts = in_turns({ONNX: _start(files)}, rounds=options.rounds)
    tell([_speed_row(seconds, count=options.cells), _start_row(starts)], options.json)


def unpacked(folder: Path, *, cells: int) -> Path:
    """Return a folder with the images of a drawn archive as files, made once."""
    files = folder / f"files-{cells}"
    if not files.exists():
        made = kept_cells(folder, cells=cells, image_size=48)
        with zipfile.ZipFile(made.archive) as archive:
            members = [name for name in archive.namelist() if "/training_data/" in name]
            for member in (name for name in members if name.endswith(".bmp")):
                files.mkdir(exist_ok=True)
                (files / Path(member).name).write_bytes(archive.read(member))
    return files


def _way(way: str, name: str, files: Path) -> Callable[[], float]:
    command = [sys.executable, "-m", "benchmarks.predict_ways", way, str(MODELS[name]), str(files)]
    if crop := _crop_size():
        command += ["--crop", str(crop)]

    def run() -> float:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        told = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return float(told.stdout.splitlines()[-1])

    return run


def _crop_size() -> int | None:
    from stages.predict.image_answers import load_model

    return load_model(MODELS[ONNX]).metadata.crop_size


def _start(files: Path) -> Callable[[], float]:
    first = min(files.iterdir())
    given = ("-m", "stages.predict", first, "--model", MODELS[ONNX])
    return lambda: run_python(*given, folder=files).seconds


def _speed_row(seconds: dict[str, list[float]], *, count: int) -> Row:
    return Row(
        part=PART,
        against=AGAINST,
        how=(
            f"{count:,} built-in cells of 450 px as BMP files in the page cache, the model of the "
            "checkout, on all cores: each way in a process of its own, which has loaded the model "
            "and predicted some images before; decoding, crop and resize are in the time."
        ),
        ratio=ratio(seconds, KERAS, ONNX),
        target={"at_least": 1.5},
        ways=seconds,
    )


def _start_row(seconds: dict[str, list[float]]) -> Row:
    return Row(
        part=START,
        against=ASKED,
        how="A whole process, from its start to its end, that predicts one image.",
        ratio=sorted(seconds[ONNX])[len(seconds[ONNX]) // 2],
        target={"at_most": 1.0},
        ways=seconds,
    )


if __name__ == "__main__":
    main()
