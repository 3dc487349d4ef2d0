"""Read a zip member as RGB pixels."""

from __future__ import annotations

import zipfile

from PIL import Image

from stages.common.errors import StageError
from stages.dataset.archive import read_member
from stages.dataset.image_decoding import BLACK, EXPECTED, Colour, ImageError, decode_image


def read_image(archive: zipfile.ZipFile, member: str, *, background: Colour = BLACK) -> Image.Image:
    """Read an image of any size and form, RGB; what is transparent is put on the background.

    Raises:
        StageError: if the image is missing, corrupt, or of a form that is not read.
    """
    try:
        return Image.fromarray(decode_image(read_member(archive, member), background=background))
    except ImageError as error:
        raise StageError(
            f"{archive.filename}: {member} is no readable image (it is {error.kind}); expected "
            f"{EXPECTED}. Bring the archive in again with `dvc repro --force download`, which "
            "checks every image"
        ) from error
