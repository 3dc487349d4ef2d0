from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common.errors import StageError
from stages.dataset.archive import list_members, open_archive
from stages.split import image_identity
from stages.split.image_identity import (
    identical_images,
    image_print,
    image_prints,
    near_identical_images,
)
from tests.conftest import WriteArchive, bmp
from tests.own_sets import encoded, picture

CELL = picture(1, size=(120, 120))
OTHER = picture(2, size=(120, 120))


def found(archive: Path, members: list[str]) -> tuple[list[list[str]], list[tuple[str, str]]]:
    prints = image_prints(archive, members)
    return identical_images(members, prints), near_identical_images(members, prints)


def test_images_of_the_same_pixels_are_identical_whatever_their_files(
    write_archive: WriteArchive,
) -> None:
    members = {
        "e.png": encoded(CELL),
        "a.bmp": encoded(CELL, "BMP"),
        "c.tif": encoded(CELL, "TIFF"),
        "d.png": encoded(OTHER),
        "b.webp": encoded(CELL, "WEBP", lossless=True),
        "f.png": encoded(picture(3)),
        "g.png": encoded(OTHER, compress_level=1),
    }
    identical, near = found(write_archive(members), list(members))
    assert identical == [["a.bmp", "b.webp", "c.tif", "e.png"], ["d.png", "g.png"]]
    assert near == []


def test_one_other_pixel_is_another_image_that_looks_the_same(write_archive: WriteArchive) -> None:
    changed = CELL.copy()
    changed.putpixel((3, 3), (0, 0, 0))
    members = {"a.png": encoded(CELL), "b.png": encoded(changed), "c.png": encoded(OTHER)}
    assert found(write_archive(members), list(members)) == ([], [("a.png", "b.png")])


def test_the_same_bytes_in_another_shape_are_another_image() -> None:
    pixels = np.asarray(picture(1, size=(40, 60)))
    assert image_print(pixels).pixels != image_print(pixels.reshape(40, 60, 3)).pixels


@pytest.mark.parametrize(
    "change",
    [
        lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", quality=75))),
        lambda image: image.resize((60, 60)),
        lambda image: image.resize((200, 200), Image.Resampling.BICUBIC),
        lambda image: image.point(lambda value: value * 1.02),
    ],
)
def test_what_is_encoded_or_scaled_again_looks_the_same(
    write_archive: WriteArchive, change: object
) -> None:
    cells = {f"{number}.png": picture(number, size=(120, 120)) for number in range(20)}
    again = {f"again {name}": change(image) for name, image in cells.items()}
    members = {name: encoded(image) for name, image in (cells | again).items()}
    identical, near = found(write_archive(members), list(members))
    assert identical == []
    assert near == sorted((name, f"again {name}") for name in cells)


def test_the_order_of_the_members_does_not_matter(write_archive: WriteArchive) -> None:
    members = {f"{n}.png": encoded(picture(n % 3, size=(50, 50))) for n in range(9)}
    archive = write_archive(members)
    assert found(archive, list(members)) == found(archive, sorted(members, reverse=True))


def test_no_image_has_no_twin(write_archive: WriteArchive) -> None:
    assert found(write_archive({"a.png": encoded(CELL)}), []) == ([], [])


def test_an_image_that_cannot_be_decoded_is_named(write_archive: WriteArchive) -> None:
    archive = write_archive({"a.png": encoded(CELL), "b.png": b"hello"})
    with pytest.raises(StageError, match=r"b\.png is no readable image: it is of no form"):
        image_prints(archive, ["a.png", "b.png"])


def test_images_beyond_one_block_are_compared(write_archive: WriteArchive) -> None:
    members = {f"{number:03}.bmp": bmp(number) for number in range(300)}
    members["299.bmp"] = members["001.bmp"]
    identical, _ = found(write_archive(members), list(members))
    assert identical == [["001.bmp", "299.bmp"]]


def test_the_twins_of_the_real_sample_are_found_and_more_that_look_the_same(
    real_sample: Path,
) -> None:
    with open_archive(real_sample) as archive:
        members = [name for name in list_members(archive) if name.endswith(".bmp")]
    identical, near = found(real_sample, members)
    assert [len(group) for group in identical] == [2] * 28
    assert len(near) == 23


@pytest.mark.parametrize("block", [1, 2, 3, 1024])
def test_images_that_look_the_same_are_found_however_many_are_compared_at_once(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_identity, "_BLOCK", block)
    names = list("bfadec")
    pictures = [1, 2, 1, 3, 2, 1]
    prints = []
    for number, picture_number in enumerate(pictures):
        cell = picture(picture_number, size=(120, 120))
        cell.putpixel((3, 3), (number, 0, 0))
        prints.append(image_print(np.asarray(cell)))
    expected = [("a", "b"), ("a", "c"), ("b", "c"), ("e", "f")]
    assert near_identical_images(names, prints) == expected
