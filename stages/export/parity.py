"""Ask the model file about cells, and compare its answers with those of the stage evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import open_archive, read_member
from stages.dataset.image_decoding import Colour, ImageError, decode_image, decoding
from stages.export.answer_graph import P_ALL
from stages.export.fit_graph import IMAGE, SCALE

MOST_DIFFERENCE = 1e-5
"""Of p(ALL), from original images, between the model file and metrics/predictions.csv."""


@dataclass(frozen=True)
class Answer:
    """A cell's inputs of the model, and p(ALL) by the file and by the stage evaluate."""

    part: str
    image: str
    inputs: dict[str, np.ndarray[Any, Any]]
    p_all: float
    expected: float


def answers(
    model: bytes, cells: pd.DataFrame, archive: Path, *, background: Colour, scaled: bool
) -> list[Answer]:
    """Answer cells from their original images.

    Args:
        model: the bytes of the model file.
        cells: split, image, member, p_all as evaluate has predicted it; and microns_per_pixel if
            the model asks for it.
        archive: with the images.
        background: what transparent pixels are put on.
        scaled: whether the model asks for microns_per_pixel.

    Raises:
        StageError: if an image is missing or cannot be decoded.
    """
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = []
    with progress(total=len(cells), description="Checking the file", unit="cell") as bar:
        for row, pixels in _images(cells, archive, background):
            inputs: dict[str, np.ndarray[Any, Any]] = {IMAGE: pixels[None]}
            if scaled:
                inputs[SCALE] = np.array([float(row.microns_per_pixel)])
            (p_all,) = session.run([P_ALL], inputs)[0]
            found.append(Answer(row.split, row.image, inputs, float(p_all), row.p_all))
            bar.update()
    return found


def _images(
    cells: pd.DataFrame, archive: Path, background: Colour
) -> Iterator[tuple[Any, np.ndarray[Any, Any]]]:
    with decoding(), open_archive(archive) as opened:
        for row in cells.itertuples(index=False):
            try:
                yield row, decode_image(read_member(opened, str(row.member)), background=background)
            except ImageError as error:
                raise StageError(
                    f"{archive}: {row.member} is no readable image (it is {error.kind})"
                ) from error


def largest_difference(found: Sequence[Answer], thresholds: Sequence[float]) -> float:
    """Return the largest difference of p(ALL).

    Raises:
        StageError: if it is above MOST_DIFFERENCE, or a call differs.
    """
    worst = max(found, key=lambda answer: abs(answer.p_all - answer.expected))
    difference = abs(worst.p_all - worst.expected)
    other = [
        answer
        for answer in found
        if any((answer.p_all >= one) != (answer.expected >= one) for one in thresholds)
        # The operating point is the p(ALL) of a cell itself, rounded.
        and all(abs(answer.expected - one) > MOST_DIFFERENCE for one in thresholds)
    ]
    if difference > MOST_DIFFERENCE or other:
        of = (other or [worst])[0]
        raise StageError(
            f"the model file gives p(ALL) {of.p_all:.8f} for {of.image}, and the stage evaluate "
            f"{of.expected:.8f}: more apart than {MOST_DIFFERENCE}, or another call; {len(other)} "
            f"of {len(found)} calls differ. Make model and predictions again with `dvc repro`"
        )
    return difference
