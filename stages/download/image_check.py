"""Refuse images that no later stage could read, all together, before the archive is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from stages.common.errors import StageError
from stages.dataset.image_decoding import EXPECTED, MOST_BYTES, ImageError, decode_image
from stages.download.inventory import some


class ImageSize(NamedTuple):
    """Width and height of an image, in pixels."""

    width: int
    height: int


def checked_image(content: bytes) -> ImageSize | ImageError:
    """Decode an image; return its size, or why it cannot be decoded."""
    if len(content) > MOST_BYTES:
        return ImageError(f"larger than {MOST_BYTES:,} bytes", "cut the cells out of it")
    try:
        height, width, _ = decode_image(content).shape
    except ImageError as error:
        return error
    return ImageSize(width, height)


def image_fault(content: bytes) -> ImageError | None:
    """Return why an image cannot be decoded; None if it can."""
    checked = checked_image(content)
    return checked if isinstance(checked, ImageError) else None


def refuse_faults(faults: Mapping[str, ImageError | None], *, name: str) -> None:
    """Refuse the images that cannot be read; say which kinds there are, and of how many files.

    Args:
        faults: why each image cannot be read, by its path; None if it can.
        name: name of the set in messages.

    Raises:
        StageError: if there is a fault.
    """
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, fault in sorted(faults.items()):
        if fault:
            kinds[fault.kind, fault.remedy].append(path)
    if kinds:
        told = "; ".join(
            f"{_counted(paths, len(faults))} {kind} ({some(paths)}): {remedy}"
            for (kind, remedy), paths in sorted(kinds.items(), key=lambda item: -len(item[1]))
        )
        raise StageError(f"{name}: {told}; expected {EXPECTED}")


def _counted(paths: list[str], total: int) -> str:
    return f"{len(paths):,} of {total:,} images {'is' if len(paths) == 1 else 'are'}"
