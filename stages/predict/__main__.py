"""Predict images with the model file: a row for each, in the order of the input.

    python -m stages.predict cell.png folder another.zip "more/*.bmp" > predictions.csv
    python -m stages.predict folder --model v1.2.0 --format json --output predictions.jsonl

It needs onnxruntime, numpy and pillow alone: requirements-predict.txt. The exit code is 0; 1 if an
image could not be read (standard error lists these, and the others have their rows); 2 if nothing
can be predicted, or written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.predict.runtime_packages import runtime_packages

FORMATS = ("csv", "json", "parquet")
DEFAULT_MODEL = "models/model.onnx"


@command("predict")
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table, and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.format == "parquet" and options.output is None:
        raise StageError("--format parquet makes no text: name a file by --output")
    with runtime_packages():
        from stages.predict.command_line_run import predict_to_table
    return predict_to_table(
        options.images,
        model=options.model,
        table_format=options.format,
        output=options.output,
        tta=options.tta,
        microns_per_pixel=options.microns_per_pixel,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGES", help="files, folders, zips, or patterns of these"
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="PATH|REVISION",
        help=f"a file, or a revision or tag whose {DEFAULT_MODEL} DVC brings",
    )
    parser.add_argument("--format", choices=FORMATS, default="csv", help="json: an object a line")
    parser.add_argument("--output", type=Path, metavar="FILE", help="written whole or not at all")
    parser.add_argument(
        "--tta", action="store_true", help="the mean logit of 8 symmetries; 8 times the time"
    )
    parser.add_argument(
        "--microns-per-pixel",
        type=_scale,
        metavar="NUMBER",
        help="of the images, for a model that asks for it",
    )
    return parser


def _scale(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no size of a pixel in µm")
    return number


if __name__ == "__main__":
    sys.exit(main())
