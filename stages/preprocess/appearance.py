"""Measure the area and brightness of a cell, without a network."""

from __future__ import annotations

from typing import Any

import numpy as np

COLUMNS = ("image", "area", "brightness")


def appearance(image: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[float, float]:
    """Measure a cell on its black background.

    Args:
        image: uint8 (size, size, 3), RGB, as the model sees it.

    Returns:
        Area: the share of the pixels that are not black, in 0…1, to 6 decimals. Brightness: the
        mean of R, G and B over those pixels, in 0…255, to 4 decimals; 0 if there are none.
    """
    # Ten times as fast as `any` along an axis of length 3.
    foreground = image[..., 0] | image[..., 1] | image[..., 2]
    pixels = int(np.count_nonzero(foreground))
    total = int(image.sum(dtype=np.int64))  # black adds nothing
    brightness = total / (3 * pixels) if pixels else 0.0
    return round(pixels / foreground.size, 6), round(brightness, 4)
