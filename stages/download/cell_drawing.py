"""Draw one synthetic cell as a BMP, with arithmetic that is exact on every processor."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

IMAGE_SIZE = 450
_WINDOW = 340
"""Width and height, in pixels, of the central part of the image, in which the cell is drawn."""

_MEAN_COLOUR = (67, 29, 78)
"""Mean RGB of the nuclei in C-NMC 2019 (sampled: 12 images)."""

Field = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Look:
    """The appearance of a cell, before the random variation of its shape and texture.

    Attributes:
        radius: mean radius of the nucleus, in pixels.
        elongation: largest ratio of the long to the short axis.
        raggedness: how far the outline departs from an ellipse, as a share of the radius.
        clump_contrast: amplitude of the chromatin clumps, in grey levels.
        clump_size: distance between chromatin clumps, in pixels.
        nucleoli: the largest number of nucleoli.
        stain: RGB difference from the mean colour of the data set, in grey levels.
        light: brightness factors at the left, right, top and bottom edge.
    """

    radius: float
    elongation: float
    raggedness: float
    clump_contrast: float
    clump_size: int
    nucleoli: int
    stain: tuple[float, float, float]
    light: tuple[float, float, float, float]


def draw_bmp(look: Look, random: np.random.Generator) -> bytes:
    """Draw a nucleus on black.

    Returns:
        A 24-bit BMP of 450 × 450 pixels; only the nucleus is brighter than 0.
    """
    ys, xs = _coordinates(look, random)
    outline = xs * xs + ys * ys + look.raggedness * smooth_noise(random, _WINDOW, 70)
    inside = outline < 1
    texture = look.clump_contrast * smooth_noise(random, _WINDOW, look.clump_size)
    texture += 5 * smooth_noise(random, _WINDOW, 5)
    texture += 9 * (outline > 0.8)  # the rim takes less stain
    texture += _nucleoli(look, random, xs, ys)
    light = _light(look)
    window = np.zeros((_WINDOW, _WINDOW, 3), np.uint8)
    for channel, (mean, stain) in enumerate(zip(_MEAN_COLOUR, look.stain, strict=True)):
        level = np.clip((mean + stain + texture) * light, 4, 250)
        window[..., channel] = np.where(inside, level, 0)
    return _bmp(window)


def smooth_noise(random: np.random.Generator, size: int, spacing: int) -> Field:
    """Return value noise: random numbers on a lattice, interpolated by smoothstep.

    Returns:
        float64 (size, size), in [-1, 1).
    """
    nodes = size // spacing + 2
    lattice = random.integers(-(2**20), 2**20, (nodes, nodes)) / 2**20
    position = np.arange(size) / spacing
    node = position.astype(np.int64)
    part = position - node
    weight = part * part * (3 - 2 * part)
    rows = lattice[node] * (1 - weight)[:, None] + lattice[node + 1] * weight[:, None]
    return rows[:, node] * (1 - weight) + rows[:, node + 1] * weight


def bell(random: np.random.Generator) -> float:
    """Return a nearly normal random number, mean 0 and variance 1: the sum of 12 uniform ones.

    It sums integers and avoids `Generator.normal`, whose rare branches call the C library's exp
    and log, which differ between platforms.
    """
    return int(random.integers(0, 2**20, 12).sum()) / 2**20 - 6


def _coordinates(look: Look, random: np.random.Generator) -> tuple[Field, Field]:
    """Return coordinates, shifted, rotated and stretched, in which the nucleus is the unit disc."""
    radius = look.radius
    stretch = 1 + (look.elongation - 1) * random.random()
    half_tangent = 2 * random.random() - 1
    cosine = (1 - half_tangent * half_tangent) / (1 + half_tangent * half_tangent)
    sine = 2 * half_tangent / (1 + half_tangent * half_tangent)
    grid = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    ys = (grid - (8 * random.random() - 4))[:, None]
    xs = (grid - (8 * random.random() - 4))[None, :]
    return (cosine * ys - sine * xs) / (radius * stretch), (sine * ys + cosine * xs) / radius


def _nucleoli(look: Look, random: np.random.Generator, xs: Field, ys: Field) -> Field:
    spots = np.zeros((_WINDOW, _WINDOW))
    for _ in range(int(random.integers(0, look.nucleoli + 1))):
        x, y = random.random() - 0.5, random.random() - 0.5
        width = 0.015 + 0.02 * random.random()
        distance = (xs - x) * (xs - x) + (ys - y) * (ys - y)
        spots += 22 * np.maximum(1 - distance / width, 0)
    return spots


def _light(look: Look) -> Field:
    left, right, top, bottom = look.light
    across = np.arange(_WINDOW) / (_WINDOW - 1)
    horizontal = left + (right - left) * across
    vertical = top + (bottom - top) * across
    return vertical[:, None] * horizontal[None, :]


def _bmp(window: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    pixels = np.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    start = (IMAGE_SIZE - _WINDOW) // 2
    pixels[start : start + _WINDOW, start : start + _WINDOW] = window
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "BMP")
    return content.getvalue()
