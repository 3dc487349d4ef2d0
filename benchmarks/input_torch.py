"""The images as a PyTorch Dataset, in its own module so that DataLoader's workers can import it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset


class Images(Dataset):  # type: ignore[type-arg]
    """BMP files in folders of their classes: resized, randomly flipped, as bytes."""

    def __init__(self, paths: Sequence[Path], size: tuple[int, int]) -> None:
        self._paths = paths
        self._size = size

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path = self._paths[index]
        image = Image.open(path).resize(self._size, Image.Resampling.BILINEAR)
        if random.random() < 0.5:  # noqa: S311
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        return pixels, int(path.parent.name == "all")
