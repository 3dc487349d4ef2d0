"""Zips that lie, are damaged, or ask for more memory than an image."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from stages.common.errors import StageError
from stages.predict import zip_images
from stages.predict.zip_images import ZipImages

PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
CONTENT = np.random.default_rng(0).bytes(50_000) + b"\0" * 50_000


def packed(path: Path, packing: int, content: bytes = CONTENT) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("cell.png", content)
    return path


def changed(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    return path


def bomb(path: Path, packing: int) -> Path:
    """A zip that declares 1,000 bytes and unpacks to 200 million."""
    packed(path, packing, bytes(200_000_000))
    size = (200_000_000).to_bytes(4, "little")
    return changed(path, size, (1000).to_bytes(4, "little"))


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("content", [CONTENT, b""])
def test_a_file_is_read_in_place(tmp_path: Path, packing: int, content: bytes) -> None:
    assert ZipImages(packed(tmp_path / "a.zip", packing, content)).read("cell.png") == content


def test_names_are_sorted_and_without_clutter(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("b/2.png", "b/10.png", "a.png", "__MACOSX/a.png", "b/.hidden", "b/Thumbs.db"):
            archive.writestr(name, b"")
        archive.mkdir("empty")
    assert ZipImages(tmp_path / "a.zip").names == ["a.png", "b/10.png", "b/2.png"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_several_threads_read_at_once(tmp_path: Path, packing: int) -> None:
    contents = {f"{number}.png": bytes([number]) * 10_000 for number in range(100)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", packing) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    images = ZipImages(tmp_path / "a.zip")
    with ThreadPoolExecutor(8) as pool:
        assert dict(zip(images.names, pool.map(images.read, images.names), strict=True)) == contents


@pytest.mark.parametrize("packing", PACKINGS[1:])
def test_what_unpacks_to_more_than_declared_takes_no_memory(tmp_path: Path, packing: int) -> None:
    images = ZipImages(bomb(tmp_path / "a.zip", packing))
    tracemalloc.start()
    with pytest.raises(StageError, match="size or CRC-32"):
        images.read("cell.png")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5_000_000


def test_what_is_larger_than_an_image_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_images, "MOST_BYTES", 1000)
    with pytest.raises(StageError, match="larger than 1,000 bytes"):
        ZipImages(packed(tmp_path / "a.zip", zipfile.ZIP_DEFLATED)).read("cell.png")


def flipped(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    return path


def locked(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[6] |= 1  # of the file's own header, then of its entry in the directory
    content[content.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("spoil", [flipped, locked])
def test_a_file_that_cannot_be_unpacked_says_so(
    tmp_path: Path, packing: int, spoil: Callable[[Path], Path]
) -> None:
    images = ZipImages(spoil(packed(tmp_path / "a.zip", packing)))
    with pytest.raises(StageError, match=r"it cannot be unpacked \(.+\); pack the zip anew"):
        images.read("cell.png")


def test_another_way_of_packing_is_named(tmp_path: Path) -> None:
    images = ZipImages(packed(tmp_path / "a.zip", zipfile.ZIP_LZMA))
    with pytest.raises(StageError, match="expected deflate, bzip2 or no compression"):
        images.read("cell.png")
