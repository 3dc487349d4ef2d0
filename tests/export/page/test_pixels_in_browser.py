"""The page's decoder beside Pillow's: a real browser, files of many forms."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from stages.dataset.image_decoding import ImageError, decode_image
from stages.export.page.joined_scripts import joined_scripts
from stages.export.page.page_builder import SCRIPTS
from tests.browser import chromium
from tests.own_sets import encoded, picture

DECODE = """async ([text, background]) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  try {
    const { pixels, width, height } = await decode(bytes, background);
    const text = Array.from(pixels, (one) => String.fromCharCode(one)).join("");
    return { pixels: btoa(text), width, height };
  } catch (error) {
    return { message: error.message };
  }
}"""

BACKGROUND = (200, 10, 90)
EXIF_ORIENTATION = 274
CELL = picture(1, size=(90, 120))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        tab = started.new_page()
        tab.add_script_tag(content=joined_scripts(SCRIPTS / "pixels.js"))
        yield tab


def decoded(tab: Any, content: bytes) -> Any:
    return tab.evaluate(DECODE, [base64.b64encode(content).decode(), BACKGROUND])


def with_alpha(alphas: list[int]) -> Image.Image:
    image = CELL.convert("RGBA")
    image.putalpha(Image.fromarray(np.resize(np.uint8(alphas), (CELL.height, CELL.width))))
    return image


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return exif


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    chunk = struct.pack(">I", len(content)) + kind + content + check
    after_header = 33
    return png[:after_header] + chunk + png[after_header:]


def swapped_profile() -> bytes:
    """A colour profile in which red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(profile[at : at + 4]): at + 4 for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = (
        profile[green : green + 8],
        profile[red : red + 8],
    )
    return bytes(profile)


READ = {
    "BMP": encoded(CELL, "BMP"),
    "PNG": encoded(CELL),
    "JPEG": encoded(CELL, "JPEG"),
    "JPEG of full chroma": encoded(CELL, "JPEG", quality=95, subsampling=0),
    "progressive JPEG": encoded(CELL, "JPEG", progressive=True),
    "grey BMP": encoded(CELL.convert("L"), "BMP"),
    "grey PNG": encoded(CELL.convert("L")),
    "grey JPEG": encoded(CELL.convert("L"), "JPEG"),
    "palette BMP": encoded(CELL.convert("P"), "BMP"),
    "palette PNG": encoded(CELL.convert("P")),
    "black and white PNG": encoded(CELL.convert("1")),
    "PNG with holes": encoded(with_alpha([0, 255, 255])),
    "BMP with holes": encoded(with_alpha([0, 255, 255]), "BMP"),
    "palette PNG with holes": encoded(CELL.quantize(16), transparency=3),
    "turned PNG": encoded(CELL, exif=turned(6)),
    "turned JPEG": encoded(CELL, "JPEG", exif=turned(6)),
    "mirrored JPEG": encoded(CELL, "JPEG", exif=turned(2)),
    "PNG of another gamma": with_chunk(encoded(CELL), b"gAMA", struct.pack(">I", 100_000)),
    "PNG of another profile": encoded(CELL, icc_profile=swapped_profile()),
    "JPEG of another profile": encoded(CELL, "JPEG", icc_profile=swapped_profile()),
}


@pytest.mark.parametrize("name", READ)
def test_the_pixels_are_those_of_pillow(browser: Any, name: str) -> None:
    seen = decoded(browser, READ[name])
    pixels = np.frombuffer(base64.b64decode(seen["pixels"]), np.uint8)

    expected = decode_image(READ[name], background=BACKGROUND)
    np.testing.assert_array_equal(pixels.reshape(seen["height"], seen["width"], 3), expected)


def test_half_transparent_pixels_are_within_one_of_those_of_pillow(browser: Any) -> None:
    content = encoded(with_alpha(list(range(256))))
    pixels = np.frombuffer(base64.b64decode(decoded(browser, content)["pixels"]), np.uint8)

    expected = decode_image(content, background=BACKGROUND).ravel()
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def deep() -> bytes:
    return encoded(Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000))


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


ALIKE = {
    "empty": (b"", "it is empty; replace it"),
    "text": (b"no image, but text", "it is of no form that is read; save it as a BMP, PNG"),
    "GIF": (encoded(CELL.quantize(8), "GIF"), "it is of no form that is read; save it as a BMP"),
    "half a BMP": (half(READ["BMP"]), "it is damaged or cut off; replace it"),
    "half a PNG": (half(READ["PNG"]), "it is damaged or cut off; replace it"),
    "half a JPEG": (half(READ["JPEG"]), "it is damaged or cut off; replace it"),
    "header of a PNG": (READ["PNG"][:20], "it is damaged or cut off; replace it"),
    "flipped PNG": (flipped(READ["PNG"]), "it is damaged or cut off; replace it"),
    "12,000 pixels": (
        encoded(Image.new("1", (12_000, 12_000))),
        "it is of more than 89,478,485 pix",
    ),
    "16 bits": (deep(), "it is PNG of 16 bits a channel"),
    "CMYK": (encoded(CELL.convert("CMYK"), "JPEG"), "it is JPEG (mode CMYK); save it with 8 bits"),
}
"""What neither reads, and how the message of both begins."""


@pytest.mark.parametrize("name", ALIKE)
def test_what_pillow_refuses_is_refused_in_the_same_words(browser: Any, name: str) -> None:
    content, begin = ALIKE[name]

    with pytest.raises(ImageError) as refused:
        decode_image(content, background=BACKGROUND)
    assert str(refused.value).startswith(begin)
    message = decoded(browser, content)["message"]
    assert message.startswith(begin)
    assert "\n" not in message


@pytest.mark.parametrize("form", ["BMP", "PNG", "JPEG"])
def test_what_is_cut_off_is_noticed_where_a_browser_would_show_its_half(
    browser: Any, form: str
) -> None:
    told = browser.evaluate(
        """(text) => {
          try {
            return readHeader(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
          } catch (error) {
            return error.message;
          }
        }""",
        base64.b64encode(half(READ[form])).decode(),
    )

    assert told == "it is damaged or cut off; replace it with a sound copy, or leave it out"


@pytest.mark.parametrize(
    ("content", "begin"),
    [
        (encoded(CELL, save_all=True, append_images=[CELL.rotate(90)]), "it is PNG of several fra"),
        (encoded(CELL, "TIFF"), "it is TIFF; save it as PNG, or use predict"),
        (encoded(CELL, "WEBP"), "it is WebP; save it as PNG, or use predict"),
        (b"PK\x03\x04 and more", "it is a zip archive; unpack it"),
    ],
    ids=["frames", "TIFF", "WebP", "zip"],
)
def test_what_is_no_image_of_one_cell_is_refused(browser: Any, content: bytes, begin: str) -> None:
    assert decoded(browser, content)["message"].startswith(begin)


def test_the_browser_gives_the_pixels_that_were_painted(browser: Any) -> None:
    assert browser.evaluate("requireTruePixels().then(() => 'true')") == "true"


def test_changed_pixels_are_noticed(browser: Any) -> None:
    told = browser.evaluate(
        """async () => {
          const { prototype } = OffscreenCanvasRenderingContext2D;
          const original = prototype.getImageData;
          prototype.getImageData = function (...place) {
            const image = original.apply(this, place);
            image.data[400] ^= 1;
            return image;
          };
          try {
            return await requireTruePixels().then(() => "true", (error) => error.message);
          } finally {
            prototype.getImageData = original;
          }
        }"""
    )
    assert told.startswith("this browser changes the pixels of images")
