import io
import struct

import pytest
from PIL import Image

from stages.dataset.image_form import CUT_OFF, EMPTY, HEAD, RGB, UNKNOWN, ImageForm, image_form


def saved(form: str, mode: str = "RGB", *, width: int = 33, height: int = 30) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, form)
    return content.getvalue()


def form_of(content: bytes) -> ImageForm:
    return image_form(content[:HEAD], length=len(content))


def with_header(header: bytes) -> bytes:
    """A BMP image of 3 × 2 pixels, in rows of 12 bytes, after a header of any version."""
    start = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", start + 24, 0, 0, start) + header + bytes(24)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "WebP", "JPEG2000"])
def test_a_form_is_known_by_its_first_bytes(form: str) -> None:
    assert form_of(saved(form)) == ImageForm(form.replace("JPEG2000", "JPEG 2000"))


@pytest.mark.parametrize("mode", ["CMYK", "I;16"])
def test_colours_that_a_bmp_lacks_do_not_hide_the_form(mode: str) -> None:
    assert form_of(saved("TIFF", mode)) == ImageForm("TIFF")


@pytest.mark.parametrize(
    ("mode", "bits"), [("RGB", "24"), ("L", "8"), ("P", "8"), ("1", "1"), ("RGBA", "32")]
)
def test_bits_and_size_of_a_bmp_are_read(mode: str, bits: str) -> None:
    found = form_of(saved("BMP", mode))
    assert found.kind.startswith(f"BMP of {bits} bits a pixel")
    assert (found.kind == RGB) == (mode == "RGB")
    assert found.size == (33, 30)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<IHHHH", 12, 3, 2, 1, 24),
        struct.pack("<IiiHH24x", 40, 3, 2, 1, 24),
        struct.pack("<IiiHH24x", 40, 3, -2, 1, 24),
        struct.pack("<IiiHH108x", 124, 3, 2, 1, 24),
    ],
    ids=["OS/2", "Windows 3", "rows from the top", "Windows 98"],
)
def test_every_version_of_the_header_is_read_as_pillow_reads_it(header: bytes) -> None:
    content = with_header(header)
    assert form_of(content) == ImageForm(RGB, (3, 2))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.mode, image.size) == ("RGB", (3, 2))
    assert form_of(content[:-1]).kind == CUT_OFF


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (struct.pack("<IiiHHI20x", 40, 3, 2, 1, 24, 1), "BMP with compressed pixels"),
        (struct.pack("<IiiHH24x", 7, 3, 2, 1, 24), "BMP with an unknown header of 7 bytes"),
        (struct.pack("<IHHHH4x", 16, 3, 2, 1, 24), "BMP with an unknown header of 16 bytes"),
    ],
    ids=["compressed", "no header", "the short header of OS/2"],
)
def test_what_pillow_does_not_read_is_not_taken_for_an_image(header: bytes, kind: str) -> None:
    content = with_header(header)
    assert form_of(content).kind == kind
    with pytest.raises((OSError, ValueError)), Image.open(io.BytesIO(content)) as image:
        image.load()


@pytest.mark.parametrize("length", range(0, 54, 3))
def test_a_cut_off_header_is_no_image(length: int) -> None:
    kind = {0: EMPTY}.get(length, CUT_OFF)
    assert form_of(saved("BMP")[:length]).kind == kind


def test_other_bytes_are_no_image() -> None:
    assert form_of(b"<html>").kind == UNKNOWN
