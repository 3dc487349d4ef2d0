"""Read a zip member as the pixels that the model gets."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
from PIL import Image

from stages.common.errors import StageError
from stages.dataset.archive import read_member
from stages.dataset.image_decoding import EXPECTED, ImageError, decode_image
from stages.preprocess.params import PreprocessParams


def read_pixels(
    archive: zipfile.ZipFile, member: str, params: PreprocessParams
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read an image, crop its centre if `crop_size` is set, and resize it.

    Pillow first reduces the image by a whole factor (`reducing_gap=1.0`). Then its bilinear filter
    averages over all source pixels of a target pixel.

    Returns:
        uint8 (image_size, image_size, 3), RGB in 0…255.

    Raises:
        StageError: if the image is missing, corrupt, or has the wrong size or form.
    """
    image = _open(archive, member, params.expected_size)
    if params.crop_size is not None:
        edge = (params.expected_size - params.crop_size) // 2
        image = image.crop((edge, edge, edge + params.crop_size, edge + params.crop_size))
    size = (params.image_size, params.image_size)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0))


def _open(archive: zipfile.ZipFile, member: str, expected: int) -> Image.Image:
    try:
        image = Image.fromarray(decode_image(read_member(archive, member)))
    except ImageError as error:
        raise _unreadable(archive, member, error.kind) from error
    if image.size != (expected, expected):
        width, height = image.size
        raise StageError(
            f"{archive.filename}: the images, such as {member}, are {width}×{height}, expected "
            f"{expected}×{expected} as `preprocess.expected_size` says; set it to {width}"
        )
    return image


def _unreadable(archive: zipfile.ZipFile, member: str, cause: str) -> StageError:
    return StageError(
        f"{archive.filename}: {member} is no readable image (it is {cause}); expected {EXPECTED}. "
        "Bring the archive in again with `dvc repro --force download`, which checks every image"
    )
