"""What the command does: images in, a table out, and what could not be read on standard error."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from stages.common.errors import StageError
from stages.dataset.image_decoding import EXPECTED
from stages.predict.answer_tables import WRITERS
from stages.predict.batch_predictions import Prediction
from stages.predict.classifier import Metadata
from stages.predict.image_answers import predict
from stages.predict.image_sources import ImageSource, image_sources
from stages.predict.model_choice import chosen_model
from stages.predict.output_file import output_file
from stages.predict.progress_line import ProgressLine

UNREAD = 1
"""Exit code if an image could not be read."""

KINDS = 5
"""Most kinds of files, by the ends of their names, that are told of."""

COUNTED = 50_000
"""Images that are listed before the first is read, so that progress knows how many there are."""


def predict_to_table(
    images: Sequence[str],
    *,
    model: str,
    table_format: str,
    output: Path | None,
    tta: bool,
    microns_per_pixel: float | None,
) -> int:
    """Predict what the arguments name; return the exit code.

    Raises:
        StageError: if there is no image, or the model or the output is of no use.
    """
    classifier = chosen_model(model)
    left_out: Counter[str] = Counter()
    listed = image_sources(images, left_out=lambda name: left_out.update([_kind(name)]))
    sources, total = _counted(listed)
    if total == 0:
        raise StageError(f"no images in {', '.join(images)}{_but(left_out)}; expected {EXPECTED}")
    reading = _Reading(ProgressLine(total=total))
    reading.tell_of(classifier.metadata)
    predictions = predict(
        classifier,
        sources,
        tta=tta,
        microns_per_pixel=microns_per_pixel,
        unreadable=reading.unreadable,
    )
    with output_file(output) as file:
        WRITERS[table_format](reading.counted(predictions), file)
    if left_out:
        print(f"predict: left out, for no images by their names{_but(left_out)}", file=sys.stderr)
    return reading.exit_code()


def _kind(name: str) -> str:
    return PurePosixPath(name).suffix.lower() or "without an ending"


def _but(left_out: Counter[str]) -> str:
    return ": " * bool(left_out) + ", ".join(
        f"{count:,} {kind}" for kind, count in left_out.most_common(KINDS)
    )


def _counted(sources: Iterator[ImageSource]) -> tuple[Iterator[ImageSource], int | None]:
    first = list(itertools.islice(sources, COUNTED))
    known = len(first) < COUNTED
    return itertools.chain(first, sources), len(first) if known else None


class _Reading:
    """What is told on standard error while images are read."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._answered = self._unread = 0

    def tell_of(self, model: Metadata) -> None:
        """Say what the model is not for."""
        if model.synthetic:
            self._line.say(
                "predict: the model knows synthetic cells alone: it says nothing about leukemia"
            )
        self._line.say(f"predict: {model.disclaimer}")

    def unreadable(self, name: str, reason: str) -> None:
        """Say that an image could not be read."""
        self._unread += 1
        shown = name if name.isprintable() else ascii(name)
        self._line.say(f"predict: not read: {shown}: {' '.join(reason.split())}")
        self._line.advance()

    def counted(self, predictions: Iterator[Prediction]) -> Iterator[Prediction]:
        """Pass answers on, and count them."""
        try:
            for prediction in predictions:
                yield prediction
                self._answered += 1
                self._line.advance()
        finally:
            self._line.close()

    def exit_code(self) -> int:
        """Return 1 if an image could not be read, and say how many; else 0."""
        if not self._unread:
            return 0
        total = self._unread + self._answered
        self._line.say(
            f"predict: {self._unread:,} of {total:,} images could not be read: they stand above"
        )
        return UNREAD
