"""The two functions for other programs: open a model, ask it for images.

from stages.predict.image_answers import load_model, predict

model = load_model("models/model.onnx")
for answer in predict(model, ["cell-1.png", "cell-2.png"]):
    print(answer.name, answer.p_all, answer.call, answer.note)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from stages.common.errors import StageError
from stages.dataset.image_decoding import Pixels, decoding
from stages.predict.batch_predictions import Prediction, predict_batch
from stages.predict.classifier import Classifier
from stages.predict.image_sources import ImageSource, read_file
from stages.predict.ordered_work import in_order

PIXELS_A_BATCH, MOST_A_BATCH = 50_000, 32
"""Of the network's input: small images are quicker together, large ones alone (docs/log.md)."""

DEFAULT_MODEL = Path("models/model.onnx")

Unreadable = Callable[[str, str], object]


def load_model(path: str | Path = DEFAULT_MODEL) -> Classifier:
    """Open a model file.

    Args:
        path: what `make export` has made.

    Raises:
        StageError: if it is missing or damaged, of other classes, or from a newer version.
    """
    return Classifier(Path(path), name=str(path))


def predict(
    model: Classifier,
    images: Iterable[str | Path | Pixels | ImageSource],
    *,
    tta: bool = False,
    microns_per_pixel: float | None = None,
    unreadable: Unreadable | None = None,
) -> Iterator[Prediction]:
    """Predict images on all cores, in their order, as they are asked for; memory stays flat.

    Args:
        model: from `load_model`.
        images: paths of files; or pixels as uint8 (height, width, 3), RGB in 0…255, whose name is
            their number in `images`, from 0 on.
        tta: answer with the mean logit of the 8 symmetries of each image.
        microns_per_pixel: of all these images; for models that ask for it.
        unreadable: called with the name of each image that cannot be read, and why; such an image
            has no answer. By default it is an error.

    Yields:
        The answer for each image.

    Raises:
        StageError: if the model asks for `microns_per_pixel`, or fails; if an image cannot be read
            and `unreadable` is None.
    """
    _require_scale(model, microns_per_pixel)
    work = functools.partial(predict_batch, model, tta=tta, microns_per_pixel=microns_per_pixel)
    sources = itertools.starmap(_source, enumerate(images))
    batches = _batches(sources, size=batch_size(model.metadata.image_size))
    with decoding():
        for found in itertools.chain.from_iterable(in_order(work, batches)):
            if isinstance(found, Prediction):
                yield found
            elif unreadable is None:
                raise StageError(f"{found.name}: {found.reason}")
            else:
                unreadable(found.name, found.reason)


def _require_scale(model: Classifier, microns_per_pixel: float | None) -> None:
    scale = model.metadata.microns_per_pixel
    if scale is not None and microns_per_pixel is None:
        raise StageError(
            f"the model scales each image to {scale} µm a pixel: say what the images have by "
            "--microns-per-pixel"
        )


def _source(number: int, image: str | Path | Pixels | ImageSource) -> ImageSource:
    if isinstance(image, ImageSource):
        return image
    if isinstance(image, np.ndarray):
        return ImageSource(str(number), lambda: image)
    return ImageSource(str(image), functools.partial(read_file, image))


def batch_size(image_size: int) -> int:
    """Return how many images a core takes at once, by the size of the network's input."""
    return max(1, min(MOST_A_BATCH, PIXELS_A_BATCH // image_size**2))


def _batches(sources: Iterator[ImageSource], *, size: int) -> Iterator[list[ImageSource]]:
    while batch := list(itertools.islice(sources, size)):
        yield batch
