"""Measure the area, brightness and colour of a cell, and its background, without a network."""

from __future__ import annotations

from typing import Any

import numpy as np

COLUMNS = ("image", "area", "brightness", "red", "green", "blue", "uniform_background")

UNEVEN = 12
"""Largest deviation of a uniform background from its colour, in 0…255: JPEG leaves such traces."""

_CORNER = 16  # a corner's edge is the image's, divided by this

Image = np.ndarray[Any, np.dtype[np.uint8]]


def appearance(
    image: Image, picture: tuple[slice, slice] = (slice(None), slice(None))
) -> tuple[float, float, float, float, float, int]:
    """Measure a cell on its background.

    The background has the colour of the four corners of the picture. Where these are not alike,
    there is none, and the cell is the whole picture. What was padded is neither.

    Args:
        image: uint8 (size, size, 3), RGB, as the model sees it.
        picture: its rows and columns that were not padded.

    Returns:
        Area: the share of the pixels that are not background, in 0…1, to 6 decimals. Brightness:
        the mean of R, G and B over those pixels, in 0…255, to 4 decimals; 0 if there are none. The
        means of R, of G and of B over them, likewise. Whether the background is uniform: 1 or 0.
    """
    shown = image[picture]
    colour, deviation = _background(shown)
    uniform = deviation <= UNEVEN
    foreground = _outside(shown, colour, deviation) if uniform else np.ones(shown.shape[:2], bool)
    pixels = int(np.count_nonzero(foreground))
    # A product is six times as fast as a sum of chosen pixels. Whole numbers make it exact.
    totals = (foreground.ravel().astype(float) @ shown.reshape(-1, 3).astype(float)).tolist()
    brightness, *means = (
        total / (count * pixels) if pixels else 0.0
        for total, count in ((sum(totals), 3), *((each, 1) for each in totals))
    )
    red, green, blue = (round(mean, 4) for mean in means)
    return (
        round(pixels / (image.shape[0] * image.shape[1]), 6),
        round(brightness, 4),
        red,
        green,
        blue,
        int(uniform),
    )


def _background(image: Image) -> tuple[Image, int]:
    """Return the median colour of the corners, and the largest deviation from it there."""
    edge = max(1, min(image.shape[:2]) // _CORNER)
    ends = (slice(None, edge), slice(-edge, None))
    corners = np.concatenate(
        [image[rows, columns].reshape(-1, 3) for rows in ends for columns in ends]
    )
    colour = np.sort(corners, axis=0)[len(corners) // 2]
    return colour, int(np.abs(corners.astype(int) - colour).max())


def _outside(image: Image, colour: Image, deviation: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which pixels differ from a colour by more than a deviation, in any channel."""
    if deviation == 0:
        different: np.ndarray[Any, Any] = image ^ colour if colour.any() else image
    else:
        low, high = (colour.astype(int) + end for end in (-deviation, deviation))
        different = (image < low.clip(0)) | (image > high.clip(None, 255))
    # Ten times as fast as `any` along an axis of length 3.
    found: np.ndarray[Any, Any] = different[..., 0] | different[..., 1] | different[..., 2]
    return found.astype(bool)
