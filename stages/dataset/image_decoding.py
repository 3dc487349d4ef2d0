"""Decode the bytes of an image file, of whatever form, to RGB pixels. No other module does it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMS = ("BMP", "PNG", "JPEG", "TIFF", "WEBP")
"""Forms of image files that are read, by their content: the names of the files do not matter."""

EXPECTED = "a BMP, PNG, JPEG, TIFF or WebP image of 8 bits a channel"

MOST_BYTES = 400_000_000
"""Largest image file, in bytes. It has space for Pillow's limit of 89 million pixels."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Colour = Sequence[int]
"""Red, green and blue, in 0…255."""
BLACK: Colour = (0, 0, 0)

_CONVERTED = {"RGB", "RGBX", "L", "1", "P", "PA", "LA", "La", "RGBA", "RGBa"}
_CONVERT = "save it with 8 bits a channel, as RGB or grey"
_REPLACE = "replace it with a sound copy, or leave it out"


class ImageError(ValueError):
    """A file is no image that can be read.

    Attributes:
        kind: what it is, as the end of a sentence that begins with "it is".
        remedy: how to mend it, as an imperative.
    """

    def __init__(self, kind: str, remedy: str) -> None:
        super().__init__(f"it is {kind}; {remedy}")
        self.kind, self.remedy = kind, remedy


def decode_image(content: bytes, *, background: Colour = BLACK) -> Pixels:
    """Return the pixels of an image file, turned upright as its EXIF orientation says.

    Grey and palettes become RGB. What is transparent is put on the background. Colour profiles are
    not applied.

    Args:
        content: the bytes of the file.
        background: its colour.

    Returns:
        uint8 (height, width, 3), RGB in 0…255.

    Raises:
        ImageError: if it is no image of FORMS, damaged, of more pixels than Pillow takes for
            harmless, of several pages, or not of 8 bits a channel in grey, RGB or a palette.
    """
    if not content:
        raise ImageError("empty", _REPLACE)
    try:
        with Image.open(io.BytesIO(content), formats=FORMS) as image:
            _require_readable(image, content)
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_rgb(upright, background))
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError("of no form that is read", f"save it as {EXPECTED}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"of more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels", "cut the cells out of it"
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise ImageError("damaged or cut off", _REPLACE) from error


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Let Pillow refuse what may be a decompression bomb, and print nothing of odd metadata.

    It is for the thread that starts the others: Python's filters of warnings hold for all of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _require_readable(image: Image.Image, content: bytes) -> None:
    pages = getattr(image, "n_frames", 1)
    if pages > 1:
        raise ImageError(f"{_form(image)} of {pages:,} pages or frames", "save one image a file")
    bits = _bits_per_channel(image, content)
    if bits > 8 or image.mode not in _CONVERTED:
        told = f" of {bits} bits a channel" if bits > 8 else ""
        raise ImageError(f"{_form(image)}{told} (mode {image.mode})", _CONVERT)


def _form(image: Image.Image) -> str:
    return {"WEBP": "WebP"}.get(image.format or "", image.format or "")


def _bits_per_channel(image: Image.Image, content: bytes) -> int:
    """Return the depth that the file declares: Pillow drops half of the bits of 16-bit RGB."""
    if image.format == "PNG":
        return content[24]  # of IHDR, the first chunk
    if image.format == "TIFF":
        declared = image.tag_v2.get(258, 1)  # type: ignore[attr-defined]  # BitsPerSample
        return max(declared) if isinstance(declared, tuple) else int(declared)
    return 8


def _rgb(image: Image.Image, background: Colour) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    below = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")
