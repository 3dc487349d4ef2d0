"""Bring an image of any size to the size of the model's input."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from stages.common.errors import StageError
from stages.dataset.fit_rules import require_sound_fit
from stages.preprocess.params import PreprocessParams

PREPROCESS = "preprocess"
"""Where the parameters of the training cells stand."""


def require_sound(params: PreprocessParams) -> None:
    """Raise StageError if parameters contradict each other."""
    require_sound_fit(
        params.fit,
        crop_size=params.crop_size,
        microns_per_pixel=params.microns_per_pixel,
        where=PREPROCESS,
    )


def fit_image(
    image: Image.Image,
    params: PreprocessParams,
    *,
    microns_per_pixel: float | None,
    where: str = PREPROCESS,
) -> Image.Image:
    """Bring an image to `image_size`, as `params.fit` says.

    Pillow first reduces the image by a whole factor (`reducing_gap=1.0`). Then its bilinear filter
    averages over all source pixels of a target pixel.

    Args:
        image: RGB, of any size.
        params: how; see `require_sound`.
        microns_per_pixel: of this image; None if it is not known.
        where: what the choices stand in, for messages.

    Raises:
        StageError: with `fit: exact`, if the image is no square or smaller than the crop; with
            `params.microns_per_pixel`, if that of the image is not known.
    """
    size = (params.image_size, params.image_size)
    if params.fit == "whole":
        scaled = _resized(image, _scaled_size(image.size, params.image_size))
        return _padded(scaled, params.image_size, params.background)
    if params.fit == "crop":
        edge = _crop_edge(params, microns_per_pixel)
    else:
        edge = _exact_edge(image, params, where)
    return _resized(_centre(image, edge, params.background), size)


def rows_and_columns(
    size: tuple[int, int], params: PreprocessParams, *, microns_per_pixel: float | None
) -> tuple[slice, slice]:
    """Return the rows and columns of a fitted image that show the picture, and nothing padded.

    Args:
        size: width and height of the picture before.
        params: as of `fit_image`.
        microns_per_pixel: as of `fit_image`.
    """
    if params.fit == "whole":
        edge, (width, height) = params.image_size, _scaled_size(size, params.image_size)
    else:
        width, height = size
        edge = width if params.fit == "exact" else _crop_edge(params, microns_per_pixel)
    rows, columns = (_unpadded(length, edge, params.image_size) for length in (height, width))
    return rows, columns


def _unpadded(length: int, edge: int, image_size: int) -> slice:
    """Return where this length lies in a padded square that was then resized."""
    if length >= edge:
        return slice(0, image_size)
    scale, start = image_size / edge, _offset(length, edge)
    mixed = 0 if edge == image_size else max(1.0, scale)  # pixels into which the padding reaches
    first, end = math.ceil(start * scale + mixed), math.floor((start + length) * scale - mixed)
    middle = min(int((start + length / 2) * scale), image_size - 1)
    return slice(min(first, middle), max(end, middle + 1))


def known_scale(value: object) -> float | None:
    """Return the number in a column `microns_per_pixel`; None for an empty place.

    Raises:
        StageError: if it is anything else.
    """
    text = str(value)
    if text in ("", "nan", "None"):
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise StageError(f"microns_per_pixel is {value!r}, expected a number above 0, or nothing")
    return number


def _exact_edge(image: Image.Image, params: PreprocessParams, where: str) -> int:
    """Return the edge of the crop of an image that must be a square and no smaller than it."""
    width, height = image.size
    if width != height:
        raise StageError(
            f"an image is {width}×{height}, expected a square where `{where}.fit` is exact; set "
            f"it to whole, or to crop with a `{where}.crop_size`"
        )
    if (params.crop_size or 0) > width:
        raise StageError(
            f"the images are {width}×{height}, and `{where}.crop_size` is {params.crop_size}; "
            f"set it to {width} or less, or `{where}.fit` to crop, which pads"
        )
    return params.crop_size or width


def _crop_edge(params: PreprocessParams, microns_per_pixel: float | None) -> int:
    """Return the edge of the crop in pixels of the image, which may be of another scale."""
    edge = params.crop_size or 0
    if params.microns_per_pixel is None:
        return edge
    if microns_per_pixel is None:
        raise StageError(
            f"`preprocess.microns_per_pixel` is {params.microns_per_pixel}, but the scale of an "
            "image is not known; set it to null"
        )
    return max(1, round(edge * params.microns_per_pixel / microns_per_pixel))


def _centre(image: Image.Image, edge: int, background: Sequence[int]) -> Image.Image:
    """Return the central square of this edge, padded where the image is smaller."""
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    if min(left, top) < 0:
        return _padded(image, edge, background)
    if image.size == (edge, edge):
        return image
    return image.crop((left, top, left + edge, top + edge))


def _padded(image: Image.Image, edge: int, background: Sequence[int]) -> Image.Image:
    """Put the image in the middle of a square; what is larger is cut off."""
    if image.size == (edge, edge):
        return image
    square = Image.new("RGB", (edge, edge), tuple(background))
    square.paste(image, (_offset(image.width, edge), _offset(image.height, edge)))
    return square


def _offset(length: int, edge: int) -> int:
    """Return where something of this length begins in the middle of an edge."""
    return -((length - edge) // 2)


def _scaled_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    factor = longest / max(size)
    width, height = (max(1, round(factor * length)) for length in size)
    return width, height


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
