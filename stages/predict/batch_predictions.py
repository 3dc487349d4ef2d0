"""From some images to their answers; no image stops the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_decoding import ImageError, Pixels, decode_image
from stages.predict.classifier import Answers, Classifier, Metadata
from stages.predict.image_sources import ImageSource
from stages.predict.symmetric_views import answer_symmetric_views

P_ALL_DECIMALS = 8
"""As in metrics/predictions.csv: thresholds were chosen among values of these decimals."""

HEM, ALL = CLASS_NAMES
MOST_BYTES_A_BATCH = 16_000_000


@dataclass(frozen=True)
class Prediction:
    """The answer for an image: a row of the command's table.

    Attributes:
        name: of the image.
        p_all: p(ALL) as the network gives it.
        p_all_calibrated: the same, calibrated on validation cells.
        call: hem or all, at the threshold 0.5.
        call_at_operating_point: the same at the threshold for the chosen sensitivity; empty if the
            model has none.
        note: why the image may be unlike those that the model knows; empty if nothing says so.
    """

    name: str
    p_all: float
    p_all_calibrated: float
    call: str
    call_at_operating_point: str
    note: str


@dataclass(frozen=True)
class Unread:
    """An image that could not be read, and why."""

    name: str
    reason: str


def predict_batch(
    model: Classifier,
    sources: Sequence[ImageSource],
    *,
    tta: bool,
    microns_per_pixel: float | None,
) -> list[Prediction | Unread]:
    """Read some images and predict them; return what became of each, in their order.

    Args:
        model: that answers.
        sources: the images.
        tta: answer with the mean logit of their symmetries.
        microns_per_pixel: of the images, for models that ask for it.

    Raises:
        StageError: if the model fails.
    """
    ask = answer_symmetric_views if tta else Classifier.answer
    found: list[Prediction | Unread] = []
    read = ((source.name, _pixels(source, model.metadata)) for source in sources)
    for alike in _of_one_size(read):
        names, images = zip(*alike, strict=True)
        if isinstance(images[0], Unread):
            found += images
            continue
        stacked = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        answers = ask(model, stacked, microns_per_pixel=microns_per_pixel)
        found += _predictions(names, answers, model.metadata)
    return found


def _pixels(source: ImageSource, metadata: Metadata) -> Pixels | Unread:
    try:
        content = source.read()
        if isinstance(content, bytes):
            content = decode_image(content, background=metadata.background)
        _require_fit(content, metadata)
    except (ImageError, StageError) as error:
        return Unread(source.name, str(error))
    except MemoryError:
        return Unread(source.name, "it is larger than the memory has room for; cut the cells out")
    return content


def _require_fit(pixels: Pixels, metadata: Metadata) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise StageError(
            f"it is {pixels.dtype} {pixels.shape}, expected uint8 (height, width, 3), RGB"
        )
    if metadata.fit != "exact":
        return
    height, width = pixels.shape[:2]
    if width != height:
        raise StageError(
            f"it is {width}×{height}, expected a square where `preprocess.fit` is exact; cut it "
            "to a square, or take a model that was trained with another"
        )
    if (metadata.crop_size or 0) > width:
        raise StageError(
            f"it is {width}×{height}, and `preprocess.crop_size` is {metadata.crop_size}; expected "
            "an image no smaller than that, in the scale of the training images"
        )


def _of_one_size(
    read: Iterator[tuple[str, Pixels | Unread]],
) -> Iterator[list[tuple[str, Pixels | Unread]]]:
    """Put neighbours together that are of one size, and small enough to be stacked."""
    key = lambda each: None if isinstance(each[1], Unread) else each[1].shape  # noqa: E731
    for shape, alike in itertools.groupby(read, key):
        together = 1 if shape is None else max(1, MOST_BYTES_A_BATCH // int(np.prod(shape)))
        while some := list(itertools.islice(alike, together)):
            yield some


def _predictions(
    names: Sequence[str], answers: Answers, metadata: Metadata
) -> Iterator[Prediction]:
    for number, name in enumerate(names):
        # Python's round is exact: the file reads back as the same numbers.
        p_all = round(float(answers.p_all[number]), P_ALL_DECIMALS)
        held = zip(metadata.notes, answers.notes[number], strict=True)
        yield Prediction(
            name=name,
            p_all=p_all,
            p_all_calibrated=round(float(answers.p_all_calibrated[number]), P_ALL_DECIMALS),
            call=_call(p_all, metadata.threshold),
            call_at_operating_point=_call(p_all, metadata.operating_threshold),
            note="; ".join(text for text, holds in held if holds),
        )


def _call(p_all: float, threshold: float | None) -> str:
    if threshold is None:
        return ""
    return ALL if p_all >= threshold else HEM
