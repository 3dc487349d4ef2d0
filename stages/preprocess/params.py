"""The parameters of the stage preprocess."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, PositiveInt


@dataclass(frozen=True, config=STRICT)
class PreprocessParams:
    """How an image becomes a record of a shard."""

    expected_size: PositiveInt
    """Width and height of every image in the archive, in pixels. Any other size is an error."""
    crop_size: PositiveInt | None
    """Width and height of the centre crop before resizing, in pixels; `null` for the whole image.
    A crop of 300, 350 or 380 px cuts off parts of 7, 3 or 2 % of the real cells."""
    image_size: Annotated[int, Field(ge=32)]
    """Width and height of the model's input, in pixels. EfficientNetB3 was made for 300."""
    cells_per_shard: PositiveInt
    """Cells in a shard; the last one holds the rest."""
