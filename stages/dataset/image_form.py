"""Tell by the first bytes of a file which form of image it holds, whatever its name says."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEAD = 64
"""Bytes of a file that are enough to tell its form."""

_MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0*": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"RIFF": "WebP",
}
_CORE_HEADER = 12
_HEADERS = (_CORE_HEADER, 40, 52, 56, 64, 108, 124)
"""The lengths of the headers of BMP that Pillow reads: of OS/2, then of Windows."""


@dataclass(frozen=True)
class ImageForm:
    """The form of a file: its kind, as in "it is PNG", and the width and height of a BMP image."""

    kind: str
    size: tuple[int, int] | None = None


RGB = "BMP of 24 bits a pixel"
"""The one kind that the stages read: red, green and blue, and nothing else."""
EMPTY, CUT_OFF, UNKNOWN = "empty", "cut off", "of no known form"
DAMAGED = (EMPTY, CUT_OFF)
"""Kinds that no conversion makes an image of."""


def image_form(head: bytes, *, length: int) -> ImageForm:
    """Return the form of a file.

    Args:
        head: its first HEAD bytes, or all of a shorter file.
        length: the number of all its bytes.
    """
    if not head:
        return ImageForm(EMPTY)
    if head.startswith(b"BM"):
        return _bmp_form(head, length)
    known = (kind for magic, kind in _MAGIC.items() if head.startswith(magic))
    return ImageForm(next(known, UNKNOWN))


def _bmp_form(head: bytes, length: int) -> ImageForm:
    """Read the headers of a BMP image; a negative height stands for rows from the top."""
    try:
        start, header = struct.unpack_from("<II", head, 10)
        layout = "<HHxxH" if header == _CORE_HEADER else "<iixxH"
        width, height, bits = struct.unpack_from(layout, head, 18)
    except struct.error:
        return ImageForm(CUT_OFF)
    size = width, abs(height)
    if header not in _HEADERS:
        return ImageForm(f"BMP with an unknown header of {header} bytes", size)
    if bits != 24:
        remark = {8: " (grey, or with a palette)", 32: " (with a fourth channel)"}.get(bits, "")
        return ImageForm(f"BMP of {bits} bits a pixel{remark}", size)
    if header != _CORE_HEADER and any(head[30:34]):
        return ImageForm("BMP with compressed pixels", size)
    row = (3 * width + 3) // 4 * 4
    return ImageForm(RGB if length >= start + row * size[1] else CUT_OFF, size)
