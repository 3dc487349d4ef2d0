"""The parameters of the stage preprocess."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, PositiveFloat, PositiveInt

Byte = Annotated[int, Field(ge=0, le=255)]


@dataclass(frozen=True, config=STRICT)
class PreprocessParams:
    """How an image becomes a record of a shard."""

    fit: Literal["exact", "crop", "whole"]
    """How an image comes to `image_size`. `exact`: all images are squares of one size, any other is
    an error. `crop`: images of any size; the centre of `crop_size` pixels is taken, padded with
    `background` where an image is smaller, so a small cell stays small. `whole`: images of any size
    and shape; the longest edge becomes `image_size`, and the rest is padded."""
    crop_size: PositiveInt | None
    """Width and height of the centre crop before resizing, in pixels; `null` for the whole image.
    A crop of 300, 350 or 380 px cuts off parts of 7, 3 or 2 % of the real cells."""
    image_size: Annotated[int, Field(ge=32)]
    """Width and height of the model's input, in pixels. EfficientNetB3 was made for 300."""
    background: Annotated[list[Byte], Field(min_length=3, max_length=3)]
    """Red, green and blue of what is padded, and of what lies below a transparent part."""
    microns_per_pixel: PositiveFloat | None
    """Physical size of a pixel of the training images with `fit: exact`, or at which `crop_size` is
    counted with `fit: crop`. Cells of another scale, also of external sets, are brought to it.
    `null`: pixels are taken as they are."""
    cells_per_shard: PositiveInt
    """Cells in a shard; the last one holds the rest."""
