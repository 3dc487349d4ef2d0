"""Say how the images of an external set become records."""

from __future__ import annotations

import dataclasses

from stages.common.errors import StageError
from stages.dataset.external_sets import ExternalSet
from stages.preprocess.params import PreprocessParams
from stages.preprocess.write_shards import CellSet

_SCALE = "microns_per_pixel"


def external_cell_set(external: ExternalSet, params: PreprocessParams) -> CellSet:
    """Return the cells of a set with its own fit and scale.

    The scale of its images is what params.yaml says of the set, else what its own table says of
    each. Where it is not known of both the set and training, pixels are taken as they are.

    Args:
        external: the set.
        params: of the training cells. Image size and cells per shard are the same for all; the
            preliminary set has all of them.

    Raises:
        StageError: if the scale of the set is given, but not that of training.
    """
    chosen = external.choices
    if chosen is None:
        return CellSet(external.name, external.archive, external.cells, params)
    where, cells, scale = f"download.external {external.name}", external.cells, None
    if chosen.microns_per_pixel is not None:
        if params.microns_per_pixel is None:
            raise StageError(
                f"`{where}.{_SCALE}` is {chosen.microns_per_pixel}, and `preprocess.{_SCALE}`, "
                "that of the training images, is null; set it, too, or the former to null"
            )
        cells = cells.assign(**{_SCALE: str(chosen.microns_per_pixel)})
    if chosen.fit == "crop" and _SCALE in cells:
        scale = params.microns_per_pixel
    of_set = dataclasses.replace(
        params,
        fit=chosen.fit,
        crop_size=chosen.crop_size,
        background=chosen.background,
        microns_per_pixel=scale,
    )
    return CellSet(external.name, external.archive, cells, of_set, where)
