"""What can go wrong with predict, and with what outcome.

`python -m tests.predict.faults` writes docs/faults-predict.md. test_faults.py brings each fault
about and compares the outcome with the one in the table.
"""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stages.common.files import write_text
from tests.conftest import ROOT
from tests.predict.stand_in_model import METADATA, write_stand_in

DOCUMENT = ROOT / "docs/faults-predict.md"
HEADER = "name,p_all,p_all_calibrated,call,call_at_operating_point,note\n"
USUAL = (METADATA["disclaimer"], "synthetic cells alone")
"""What each run says on standard error."""

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        fault: what goes wrong with a folder of nine images.
        play: brings it about in that folder, and returns how the run has ended.
        code: its exit code.
        rows: number of rows that were written.
        told: lines on standard error.
    """

    fault: str
    play: Callable[[Path, Run], Done]
    code: int
    rows: int
    told: str


def outcome(done: Done) -> tuple[int, int, str]:
    """Return the code, rows and lines of a run as the table has them."""
    lines = [line for line in done.stderr.splitlines() if not any(part in line for part in USUAL)]
    told = "; ".join(line.removeprefix("predict: ") for line in lines)
    told = re.sub(r"\((?:\[ONNX|ERROR|KeyError).*?\)(?=;| )", "(…)", told)
    return done.returncode, done.stdout.removeprefix(HEADER).count("\n"), told


def image(path: str, content: bytes | None) -> Callable[[Path, Run], Done]:
    """Put a file among the images; remove it if there is no content."""

    def play(folder: Path, run: Run) -> Done:
        if content is None:
            (folder / path).unlink()
        else:
            (folder / path).write_bytes(content)
        return run("cells")

    return play


def model(spoil: Callable[[Path], object]) -> Callable[[Path, Run], Done]:
    """Do something to the model file."""

    def play(folder: Path, run: Run) -> Done:
        spoil(folder / "models/model.onnx")
        return run("cells")

    return play


def arguments(*given: str) -> Callable[[Path, Run], Done]:
    """Call the command so."""
    return lambda _folder, run: run(*given)


def described(**changes: Any) -> Callable[[Path, Run], Done]:
    """Have the model say something else of itself."""
    return model(lambda path: write_stand_in(path, METADATA | changes))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def zip_cut_off(folder: Path, run: Run) -> Done:
    cut_off(folder / "more.zip")
    return run("more.zip", "cells")


def texts_alone(folder: Path, run: Run) -> Done:
    (folder / "texts").mkdir()
    (folder / "texts/notes.txt").touch()
    return run("texts")


def disk_full(_folder: Path, run: Run) -> Done:
    with Path("/dev/full").open("w") as full:
        done = run("cells", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    done.stdout = ""
    return done


def black(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.zeros((height, width), np.uint8)).save(content, "PNG")
    return content.getvalue()


NO_FORM = (
    "it is of no form that is read; save it as a BMP, PNG, JPEG, TIFF or WebP image of 8 bits a "
    "channel"
)
REMAKE = "make it again with `make export`"
OF_TEN = "1 of 10 images could not be read: they stand above"
OF_NINE = OF_TEN.replace("10", "9")

SECTIONS = {
    "Images": [
        Row(
            "an image that is cut off",
            image("cells/b/1.png", black(20, 20)[:-30]),
            *(1, 8),
            "not read: cells/b/1.png: it is damaged or cut off; replace it with a sound copy, or "
            f"leave it out; {OF_NINE}",
        ),
        Row(
            "a file of 0 bytes",
            image("cells/b/1.png", b""),
            *(1, 8),
            "not read: cells/b/1.png: it is empty; replace it with a sound copy, or leave it out; "
            f"{OF_NINE}",
        ),
        Row(
            "a text with the name of an image",
            image("cells/text.png", b"no image"),
            *(1, 9),
            f"not read: cells/text.png: {NO_FORM}; {OF_TEN}",
        ),
        Row(
            "a text among the images",
            image("cells/labels.csv", b"no image"),
            *(0, 9),
            "left out, for no images by their names: 1 .csv",
        ),
        Row(
            "an image of 12,000 × 12,000 pixels",
            image("cells/large.png", black(12_000, 12_000)),
            *(1, 9),
            "not read: cells/large.png: it is of more than 89,478,485 pixels; cut the cells out of "
            f"it; {OF_TEN}",
        ),
        Row(
            "an image that is no square, with `preprocess.fit: exact`",
            image("cells/wide.png", black(20, 10)),
            *(1, 9),
            "not read: cells/wide.png: it is 20×10, expected a square where `preprocess.fit` is "
            f"exact; cut it to a square, or take a model that was trained with another; {OF_TEN}",
        ),
        Row(
            "an image that is smaller than the crop",
            image("cells/small.png", black(7, 7)),
            *(1, 9),
            "not read: cells/small.png: it is 7×7, and `preprocess.crop_size` is 8; expected an "
            f"image no smaller than that, in the scale of the training images; {OF_TEN}",
        ),
        Row(
            "a name without a file",
            arguments("cells", "nowhere.png"),
            *(1, 9),
            f"not read: nowhere.png: there is no such file or folder; {OF_TEN}",
        ),
        Row(
            "a zip that is cut off",
            zip_cut_off,
            *(1, 9),
            "not read: more.zip: this is not a zip archive, or it is damaged or cut off (File is "
            f"not a zip file); pack it anew; {OF_TEN}",
        ),
        Row(
            "no images",
            texts_alone,
            *(2, 0),
            "no images in texts: 1 .txt; expected a BMP, PNG, JPEG, TIFF or WebP image of 8 bits a "
            "channel",
        ),
    ],
    "The model": [
        Row(
            "missing",
            model(Path.unlink),
            *(2, 0),
            f"models/model.onnx is missing; {REMAKE}, or name another by --model",
        ),
        Row(
            "cut off",
            model(cut_off),
            *(2, 0),
            "models/model.onnx cannot be loaded: it is damaged, cut off or no ONNX model, or it is "
            f"newer than this ONNX Runtime … (…); {REMAKE}",
        ),
        Row(
            "of other classes",
            described(class_names=["cat", "dog"]),
            *(2, 0),
            "models/model.onnx tells the classes cat, dog apart, expected hem, all; name another "
            "model by --model",
        ),
        Row(
            "from a newer version",
            described(format=2),
            *(2, 0),
            "models/model.onnx was made by a newer version of this project (format 2, this version "
            "reads up to 1); update the project, or name another model by --model",
        ),
        Row(
            "an ONNX model of others",
            model(lambda path: write_stand_in(path, None)),
            *(2, 0),
            f"models/model.onnx is no model that `make export` has made; {REMAKE}",
        ),
        Row(
            "neither a file nor a revision",
            arguments("cells", "--model", "v9.9.9"),
            *(2, 0),
            f"v9.9.9 is missing; {REMAKE}, or name another by --model",
        ),
        Row(
            "it asks for the scale of the images",
            described(input=METADATA["input"] | {"microns_per_pixel": 0.1}),
            *(2, 0),
            "the model scales each image to 0.1 µm a pixel: say what the images have by "
            "--microns-per-pixel",
        ),
    ],
    "The table": [
        Row(
            "a folder in which you may not write",
            arguments("cells", "--output", "/sys/table.csv"),
            *(2, 0),
            "/sys/table.csv cannot be written (Permission denied); name another by --output",
        ),
        Row(
            "a folder that does not exist",
            arguments("cells", "--output", "nowhere/table.csv"),
            *(2, 0),
            "nowhere/table.csv cannot be written (No such file or directory); name another by "
            "--output",
        ),
        Row(
            "a full disk",
            disk_full,
            *(2, 0),
            "[Errno 28] No space left on device",
        ),
        Row(
            "Parquet to standard output",
            arguments("cells", "--format", "parquet"),
            *(2, 0),
            "--format parquet makes no text: name a file by --output",
        ),
    ],
}


def render() -> str:
    """The document."""
    lines = [
        "# Faults of predict and their outcomes",
        "",
        "What can go wrong with `python -m stages.predict` on a folder of nine images.",
        "`python -m tests.predict.faults` writes this page, and tests bring each fault about. `…`",
        "stands for a version or for what ONNX Runtime says. A closed pipe, as that of `head -1`,",
        "and packages that are missing are one line, too.",
    ]
    for title, rows in SECTIONS.items():
        table = [f"| {row.fault} | {row.code} | {row.rows} | {row.told} |" for row in rows]
        head = "| fault | exit code | rows written | on standard error |"
        lines += ["", f"## {title}", "", head, "| --- | --- | --- | --- |", *table]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(render(), DOCUMENT)
