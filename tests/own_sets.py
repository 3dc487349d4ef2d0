"""Sets of own cells, as people have them: folders of pictures of many forms, and tables beside."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = {"benign": 90, "early": 150, "pre": 170}
"""What the sets call their classes, and how bright cells of each are."""


def picture(seed: int, *, size: tuple[int, int] = (40, 48), brightness: int = 128) -> Image.Image:
    """A cell of two brightnesses on a light background, RGB; size is width and height."""
    random = np.random.default_rng(seed)
    width, height = size
    pixels = random.integers(200, 230, (height, width, 3)).astype(np.uint8)
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    turn = random.uniform(0, np.pi)
    along = xs * np.cos(turn) + ys * np.sin(turn) - random.uniform(-0.2, 0.2)
    across = ys * np.cos(turn) - xs * np.sin(turn) - random.uniform(-0.2, 0.2)
    cell = along**2 / random.uniform(0.3, 0.6) + across**2 / random.uniform(0.1, 0.4) < 1
    shade = random.integers(-30, 30, (height, width, 3)) + np.where(along > 0, 20, -20)[..., None]
    pixels[cell] = np.clip(brightness + shade, 0, 255)[cell]
    return Image.fromarray(pixels)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def class_folders(cells: int = 12, *, seed: int = 0) -> dict[str, bytes]:
    """PNG and JPEG of mixed sizes in a folder for each of CLASSES, without subjects."""
    files = {}
    for number, (label, brightness) in enumerate(CLASSES.items()):
        for cell in range(cells):
            size = (36 + 4 * (cell % 4), 36 + 4 * (cell % 3))
            image = picture(seed + 1000 * number + cell, size=size, brightness=brightness)
            form, ending = ("JPEG", "jpg") if cell % 2 else ("PNG", "png")
            files[f"{label}/cell {cell}.{ending}"] = encoded(image, form)
    return files


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder, and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
