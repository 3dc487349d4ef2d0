"""Find images of the same pixels, and images that look the same, whatever their files are."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.fft
from PIL import Image

from stages.dataset.archive import ArchiveError, open_archive, read_member
from stages.dataset.image_decoding import ImageError, Pixels, decode_image, decoding

_EDGE = 24
_THUMBNAIL = 4 * _EDGE
_MOST_DIFFERENT_BITS = 16
"""Of 576. On 120 real cells, JPEG of quality 60 to 90 and scales of 0.2 to 1.3 changed at most 16.
The 64 bits that are usual do not tell cells on black apart: 3,871 pairs of 1,162 had the same."""
_BLOCK = 1024  # images compared with as many others at once; bounds the memory

Bits = np.ndarray[Any, np.dtype[np.uint64]]


class ImagePrint(NamedTuple):
    """What tells an image from others.

    Attributes:
        pixels: SHA-256 of its size and its RGB pixels.
        look: its perceptual hash, uint64 (9,).
    """

    pixels: bytes
    look: Bits


def image_prints(archive: Path, members: Sequence[str]) -> list[ImagePrint]:
    """Decode images of an archive on all cores, and return their prints in the order of `members`.

    Raises:
        StageError: if an image is missing or cannot be decoded.
    """
    workers = os.cpu_count() or 1
    with decoding(), ThreadPoolExecutor(workers) as pool:
        shares = pool.map(
            _prints, [archive] * workers, [members[n::workers] for n in range(workers)]
        )
        found = list(shares)
    return [found[place % workers][place // workers] for place in range(len(members))]


def _prints(archive: Path, members: Sequence[str]) -> list[ImagePrint]:
    with open_archive(archive) as opened:  # one for each thread: zipfile has no lock
        prints = []
        for member in members:
            try:
                prints.append(image_print(decode_image(read_member(opened, member))))
            except ImageError as error:
                raise ArchiveError(f"{member} is no readable image: it is {error.kind}") from error
        return prints


def image_print(pixels: Pixels) -> ImagePrint:
    """Return the print of an image, uint8 (height, width, 3)."""
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return ImagePrint(digest.digest(), _perceptual_hash(pixels))


def _perceptual_hash(pixels: Pixels) -> Bits:
    """Say which low frequencies of the grey image are stronger than their median.

    It is the pHash of the library ImageHash with 576 bits, which is these lines there, too.
    """
    grey = Image.fromarray(pixels).convert("L")
    small = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS, reducing_gap=2.0)
    low = scipy.fft.dctn(np.asarray(small, np.float64))[:_EDGE, :_EDGE]
    bits: Bits = np.packbits(low > np.median(low)).view(np.uint64)
    return bits


def identical_images(names: Sequence[str], prints: Sequence[ImagePrint]) -> list[list[str]]:
    """Group the names of images with the same pixels.

    Returns:
        Groups of two or more names, each group sorted; groups are sorted by their first name.
    """
    groups: dict[bytes, list[str]] = defaultdict(list)
    for name, found in sorted(zip(names, prints, strict=True), key=lambda pair: pair[0]):
        groups[found.pixels].append(name)
    return sorted(group for group in groups.values() if len(group) > 1)


def identical_table(cells: pd.DataFrame, identical: Sequence[list[str]]) -> pd.DataFrame:
    """Return a row for each cell whose image another one of `cells` has, too.

    Args:
        cells: a row per cell, with columns `image` and `member`.
        identical: sets of members with identical pixels.

    Returns:
        Columns `identical_set`, a number from 1, and `image`; sorted by both.
    """
    image_of = dict(zip(cells["member"], cells["image"], strict=True))
    sets = [sorted(image_of[name] for name in alike if name in image_of) for alike in identical]
    several = sorted(images for images in sets if len(images) > 1)
    rows = [(number, image) for number, images in enumerate(several, 1) for image in images]
    return pd.DataFrame(rows, columns=["identical_set", "image"])


def near_identical_images(
    names: Sequence[str], prints: Sequence[ImagePrint]
) -> list[tuple[str, str]]:
    """Pair the names of images that look the same but have other pixels, sorted.

    Of images with the same pixels, the first by name stands for all.
    """
    first: dict[bytes, str] = {}
    looks: dict[str, Bits] = {}
    for name, found in sorted(zip(names, prints, strict=True), key=lambda pair: pair[0]):
        if first.setdefault(found.pixels, name) == name:
            looks[name] = found.look
    return _alike(list(looks.values()), list(looks))


def _alike(looks: Sequence[Bits], names: Sequence[str]) -> list[tuple[str, str]]:
    if not looks:
        return []
    table = np.stack(looks)
    starts = range(0, len(table), _BLOCK)
    pairs = []
    for first, second in itertools.combinations_with_replacement(starts, 2):
        rows, columns = table[first : first + _BLOCK], table[second : second + _BLOCK]
        differing = np.zeros((len(rows), len(columns)), np.uint16)
        for word in range(table.shape[1]):
            differing += np.bitwise_count(rows[:, word, None] ^ columns[None, :, word])
        for row, column in np.argwhere(differing <= _MOST_DIFFERENT_BITS).tolist():
            if first + row < second + column:
                pairs.append((names[first + row], names[second + column]))
    return sorted(pairs)
