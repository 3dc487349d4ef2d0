"""Which choices of how an image comes to the size of the model's input go together."""

from __future__ import annotations

from stages.common.errors import StageError


def require_sound_fit(
    fit: str, *, crop_size: int | None, microns_per_pixel: float | None, where: str
) -> None:
    """Raise StageError if the choices contradict each other.

    Args:
        fit: exact, crop or whole.
        crop_size: width and height of the crop, in pixels.
        microns_per_pixel: physical size of a pixel.
        where: what the keys stand in, for example `preprocess`.
    """
    if fit == "crop" and crop_size is None:
        raise StageError(
            f"`{where}.fit` is crop and `{where}.crop_size` is null; set it to the pixels of "
            "the crop, or the former to whole"
        )
    if fit == "whole" and crop_size is not None:
        raise StageError(
            f"`{where}.fit` is whole and `{where}.crop_size` is {crop_size}; set it to null, or "
            "the former to crop"
        )
    if fit == "whole" and microns_per_pixel is not None:
        raise StageError(
            f"`{where}.microns_per_pixel` is {microns_per_pixel} and `{where}.fit` is whole; set "
            "the former to null, or the latter to crop, which alone keeps scale"
        )
