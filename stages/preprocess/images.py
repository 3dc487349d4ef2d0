"""Read a zip member as RGB pixels."""

from __future__ import annotations

import io
import zipfile

from PIL import Image

from stages.common.errors import StageError
from stages.dataset.archive import read_member
from stages.dataset.image_form import HEAD, RGB, image_form


def read_image(archive: zipfile.ZipFile, member: str) -> Image.Image:
    """Read an image of any size, RGB.

    Raises:
        StageError: if the image is missing, corrupt, or of another form.
    """
    content = read_member(archive, member)
    form = image_form(content[:HEAD], length=len(content))
    if form.kind != RGB:
        raise _unreadable(archive, member, f"it is {form.kind}")
    try:
        image = Image.open(io.BytesIO(content), formats=["BMP"])
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(archive, member, str(error)) from error
    return image


def _unreadable(archive: zipfile.ZipFile, member: str, cause: str) -> StageError:
    return StageError(
        f"{archive.filename}: {member} is no readable image ({cause}); expected {RGB}. Bring the "
        "archive in again with `dvc repro --force download`, which checks every image"
    )
