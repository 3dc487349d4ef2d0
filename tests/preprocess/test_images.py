import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from stages.common.errors import StageError
from stages.preprocess.images import read_image

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


def test_an_image_is_read_as_it_is() -> None:
    source = noise()[:50]
    image = read_image(archive_of(encoded(source)), MEMBER)
    assert image.mode == "RGB"
    assert (np.asarray(image) == source).all()


@pytest.mark.parametrize("form", ["BMP", "PNG", "TIFF"])
def test_the_name_does_not_say_what_form_an_image_is_of(form: str) -> None:
    image = read_image(archive_of(encoded(noise(), form)), MEMBER)
    assert (np.asarray(image) == noise()).all()


def test_what_is_transparent_is_put_on_the_background() -> None:
    clear = encoded(np.zeros((5, 5, 4), np.uint8), "PNG")
    image = read_image(archive_of(clear), MEMBER, background=[9, 8, 7])
    assert (np.asarray(image) == (9, 8, 7)).all()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (encoded(noise()[..., 0].astype(np.uint16), "PNG"), "PNG of 16 bits a channel"),
        (b"text", "of no form that is read"),
        (b"", "empty"),
    ],
)
def test_an_image_of_another_form_is_named(content: bytes, kind: str) -> None:
    with pytest.raises(StageError, match=rf"{MEMBER} is no readable image \(it is {kind}"):
        read_image(archive_of(content), MEMBER)


@pytest.mark.parametrize("length", [0, 10, 40, 60, 5000])
def test_an_image_that_is_cut_off_is_named(length: int) -> None:
    with pytest.raises(StageError, match=MEMBER):
        read_image(archive_of(encoded(noise())[:length]), MEMBER)


def test_a_member_with_a_flipped_byte_is_named() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MEMBER, encoded(noise()))
    content = bytearray(file.getvalue())
    content[2000] ^= 1
    with pytest.raises(StageError, match=rf"{MEMBER} is corrupt"):
        read_image(zipfile.ZipFile(io.BytesIO(content)), MEMBER)


def test_a_missing_member_is_named() -> None:
    with pytest.raises(StageError, match=r"other\.bmp is missing"):
        read_image(archive_of(encoded(noise())), "other.bmp")
