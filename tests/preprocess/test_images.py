import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from stages.common.errors import StageError
from stages.preprocess.images import read_pixels
from stages.preprocess.params import PreprocessParams

PARAMS = PreprocessParams(expected_size=96, crop_size=None, image_size=32, cells_per_shard=4)
MEMBER = "fold_0/all/UID_1_1_1_all.bmp"


def archive_of(content: bytes) -> zipfile.ZipFile:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MEMBER, content)
    return zipfile.ZipFile(file)


def encoded(pixels: np.ndarray, form: str = "BMP") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


def noise(size: int = 96) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


def test_an_image_becomes_rgb_pixels_of_the_asked_size() -> None:
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = 200
    pixels = read_pixels(archive_of(encoded(red)), MEMBER, PARAMS)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == [200, 0, 0]).all()


def test_the_resize_is_pillows_bilinear_with_reducing_gap() -> None:
    source = noise()
    expected = Image.fromarray(source).resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=1.0)
    assert (read_pixels(archive_of(encoded(source)), MEMBER, PARAMS) == np.asarray(expected)).all()
    nearest = Image.fromarray(source).resize((32, 32), Image.Resampling.NEAREST)
    assert (np.asarray(nearest) != np.asarray(expected)).any()


def test_the_crop_takes_the_centre() -> None:
    source = noise()
    params = replace(PARAMS, crop_size=32)
    pixels = read_pixels(archive_of(encoded(source)), MEMBER, params)
    assert (pixels == source[32:64, 32:64]).all()


def test_images_of_another_size_than_expected_are_told_what_to_set() -> None:
    expected = (
        rf"the images, such as {MEMBER}, are 90×90, expected 96×96 as `preprocess\.expected_size` "
        "says; set it to 90"
    )
    with pytest.raises(StageError, match=expected):
        read_pixels(archive_of(encoded(noise(90))), MEMBER, PARAMS)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (encoded(noise()[..., 0]), r"BMP of 8 bits a pixel \(grey, or with a palette\)"),
        (encoded(np.dstack([noise(), noise()[..., :1]])), "BMP of 32 bits a pixel"),
        (encoded(noise(), "PNG"), "PNG"),
        (b"text", "of no known form"),
    ],
)
def test_an_image_of_another_form_is_named(content: bytes, kind: str) -> None:
    with pytest.raises(StageError, match=rf"{MEMBER} is no readable image \(it is {kind}"):
        read_pixels(archive_of(content), MEMBER, PARAMS)


@pytest.mark.parametrize("length", [0, 10, 40, 60, 5000])
def test_an_image_that_is_cut_off_is_named(length: int) -> None:
    with pytest.raises(StageError, match=MEMBER):
        read_pixels(archive_of(encoded(noise())[:length]), MEMBER, PARAMS)


def test_a_member_with_a_flipped_byte_is_named() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MEMBER, encoded(noise()))
    content = bytearray(file.getvalue())
    content[2000] ^= 1
    with pytest.raises(StageError, match=rf"{MEMBER} is corrupt"):
        read_pixels(zipfile.ZipFile(io.BytesIO(content)), MEMBER, PARAMS)


def test_a_missing_member_is_named() -> None:
    with pytest.raises(StageError, match=r"other\.bmp is missing"):
        read_pixels(archive_of(encoded(noise())), "other.bmp", PARAMS)
