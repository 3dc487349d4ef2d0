"""Draw discs on a plain background, as cells for the tests of the notes."""

from __future__ import annotations

from typing import Any

import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]


def disc_image(
    *centres: tuple[int, int], size: int = 48, radius: int = 10, light: int = 60, ground: int = 0
) -> Image:
    """Return an image of one disc a centre."""
    rows, columns = np.mgrid[:size, :size]
    image = np.full((size, size, 3), ground, np.uint8)
    for row, column in centres:
        image[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = light
    return image


def training_cells(count: int = 60) -> Image:
    """Return discs in the middle, of slightly different sizes and brightness."""
    return np.stack(
        [disc_image((24, 24), radius=9 + n % 4, light=55 + n % 7) for n in range(count)]
    )
