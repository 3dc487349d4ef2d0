from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.dataset.image_decoding import ImageError, decode_image, decoding
from tests.conftest import ROOT, bmp

NOISE = np.random.default_rng(0).integers(0, 256, (9, 14, 4), np.uint8)
RGB = Image.fromarray(NOISE[..., :3])


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def failure(content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(content)
    return str(caught.value)


@pytest.mark.parametrize("form", ["BMP", "PNG", "TIFF", "WEBP"])
def test_pixels_without_loss_come_as_they_were(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode_image(encoded(RGB, form, **options))
    assert decoded.dtype == np.uint8
    assert (decoded == NOISE[..., :3]).all()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_pixels_with_loss_come_as_pillow_gives_them(form: str) -> None:
    content = encoded(RGB, form)
    assert (decode_image(content) == np.asarray(Image.open(io.BytesIO(content)))).all()


@pytest.mark.parametrize("form", ["BMP", "PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palettes_become_rgb(mode: str, form: str) -> None:
    image = RGB.convert(mode)
    assert (decode_image(encoded(image, form)) == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("background", [(0, 0, 0), (200, 100, 50)])
def test_what_is_transparent_is_put_on_the_background(
    form: str, background: tuple[int, int, int]
) -> None:
    pixels = NOISE.copy()
    pixels[0, :, 3], pixels[1, :, 3], pixels[2, :, 3] = 0, 255, 128
    seen = decode_image(encoded(Image.fromarray(pixels), form), background=background)
    assert (seen[0] == background).all()
    assert (seen[1] == pixels[1, :, :3]).all()
    between = 128 / 255 * pixels[2, :, :3] + 127 / 255 * np.array(background)
    assert np.abs(seen[2] - between).max() <= 1


def test_grey_with_alpha_and_a_transparent_colour_are_put_on_the_background() -> None:
    grey = Image.fromarray(NOISE[..., 0]).convert("LA")
    grey.putalpha(0)
    assert not decode_image(encoded(grey)).any()
    red = Image.new("RGB", (3, 3), (250, 0, 0))
    assert (decode_image(encoded(red, transparency=(250, 0, 0)), background=(9, 9, 9)) == 9).all()
    palette = red.convert("P")
    index = palette.getpixel((0, 0))
    content = encoded(palette, transparency=index)
    assert (decode_image(content, background=(9, 9, 9)) == 9).all()


def test_black_is_the_background_unless_another_is_named() -> None:
    assert not decode_image(encoded(Image.new("RGBA", (3, 3), (9, 9, 9, 0)))).any()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_image_is_turned_as_its_orientation_says(form: str) -> None:
    options: dict[str, Any] = {"tiffinfo": {274: 6}}
    if form != "TIFF":
        exif = Image.Exif()
        exif[274] = 6  # the camera was turned: show it a quarter turn to the right
        options = {"exif": exif}
    if form == "WEBP":
        options["lossless"] = True
    upright = decode_image(encoded(RGB, form, **options))
    as_stored = decode_image(encoded(RGB, form, **({"lossless": True} if form == "WEBP" else {})))
    assert (upright == np.rot90(as_stored, -1)).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty; replace it with a sound copy, or leave it out"),
        (b"hello", "it is of no form that is read; save it as a BMP, PNG, JPEG, TIFF or WebP"),
        (encoded(RGB, "GIF"), "it is of no form that is read"),
        (encoded(Image.new("I;16", (3, 3))), "it is PNG of 16 bits a channel (mode I;16); save it"),
        (encoded(Image.new("I;16", (3, 3)), "TIFF"), "it is TIFF of 16 bits a channel (mode I;16)"),
        (encoded(Image.new("F", (3, 3)), "TIFF"), "it is TIFF of 32 bits a channel (mode F)"),
        (encoded(RGB.convert("CMYK"), "JPEG"), "it is JPEG (mode CMYK); save it with 8 bits a ch"),
        (encoded(RGB.convert("CMYK"), "TIFF"), "it is TIFF (mode CMYK)"),
        (encoded(RGB.convert("LAB"), "TIFF"), "it is TIFF (mode LAB)"),
        (
            encoded(RGB, save_all=True, append_images=[RGB.rotate(90)]),
            "it is PNG of 2 pages or frames; save one image a file",
        ),
        (
            encoded(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(90)]),
            "it is WebP of 2 pages or frames",
        ),
        (
            encoded(RGB, "TIFF", save_all=True, append_images=[RGB, RGB]),
            "it is TIFF of 3 pages or frames",
        ),
    ],
)
def test_what_cannot_be_taken_says_what_it_is_and_what_to_do(content: bytes, told: str) -> None:
    assert failure(content).startswith(told)


def test_sixteen_bits_a_channel_are_seen_though_pillow_drops_half_of_them() -> None:
    ihdr = b"\x00\x00\x00\x01\x00\x00\x00\x01\x10\x02\x00\x00\x00"  # 1×1, 16 bits, RGB

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    row = zlib.compress(b"\0" + bytes(6))
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    )
    assert Image.open(io.BytesIO(content)).mode == "RGB"
    assert failure(content).startswith("it is PNG of 16 bits a channel (mode RGB); save it with 8")


@pytest.mark.parametrize("form", ["BMP", "PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_an_image_that_is_cut_off_is_refused(form: str, share: float) -> None:
    content = encoded(RGB, form)
    kept = int(share * len(content))
    assert failure(content[:kept]).startswith(("it is damaged or cut off;", "it is of no form"))


@pytest.mark.parametrize("size", [(10_000, 9_000), (20_000, 9_000)])
def test_what_may_be_a_decompression_bomb_is_refused_before_it_is_decoded(
    size: tuple[int, int],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as outside of tests
        with decoding():
            told = failure(encoded(Image.new("1", size)))
    assert told == "it is of more than 89,478,485 pixels; cut the cells out of it"


def test_odd_metadata_say_nothing_while_images_are_decoded() -> None:
    with decoding():
        warnings.warn("Corrupt EXIF data", UserWarning, stacklevel=1)


@settings(max_examples=300)
@given(
    form=st.sampled_from(["BMP", "PNG", "JPEG", "TIFF", "WEBP"]),
    place=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
)
def test_a_damaged_image_is_either_decoded_or_refused(form: str, place: float, value: int) -> None:
    content = bytearray(encoded(RGB, form))
    content[int(place * len(content))] = value
    with decoding(), contextlib.suppress(ImageError):  # any other error fails the test
        pixels = decode_image(bytes(content))
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3


@pytest.mark.integration
def test_jpeg_is_decoded_alike_with_and_without_the_instructions_of_this_processor() -> None:
    code = (
        "import hashlib, io; from PIL import Image;"
        "from stages.dataset.image_decoding import decode_image;"
        "from tests.conftest import bmp;"
        "image = Image.open(io.BytesIO(bmp(1, size=200))); digest = hashlib.sha256()\n"
        "for quality in (30, 75, 95):\n"
        "  for subsampling in (0, 1, 2):\n"
        "    file = io.BytesIO()\n"
        "    image.save(file, 'JPEG', quality=quality, subsampling=subsampling)\n"
        "    digest.update(decode_image(file.getvalue()).tobytes())\n"
        "print(digest.hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PATH": "", "PYTHONPATH": str(ROOT), **variables},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for variables in ({}, {"JSIMD_FORCENONE": "1"}, {"JSIMD_FORCESSE2": "1"})
    }
    assert len(told) == 1


def test_the_bmp_of_the_built_in_cells_is_read() -> None:
    assert decode_image(bmp(1)).shape == (36, 36, 3)
