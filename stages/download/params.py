"""The parameters of the stage download."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT


@dataclass(frozen=True, config=STRICT)
class DownloadParams:
    """Where the archive and the ImageNet weights come from."""

    source: Annotated[str, Field(min_length=1)]
    """`synthetic` (cells drawn by this project), `kaggle`, or a set in Kaggle's layout: the path or
    URL of a zip, or the path of an unpacked folder. `$NAME` in it comes from the environment, as
    passwords and signatures must."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None
    """What the archive must hash to (of a folder: as packed, see `metrics/download.json`); `null`
    for any."""
    kaggle_dataset: Annotated[str, Field(pattern=r"^[\w-]+/[\w-]+/versions/[1-9]\d*$")]
    """The data set and its version at Kaggle."""
    accept_unknown_archive: bool
    """`true` lets Kaggle send another set than the C-NMC 2019 whose inventory this project knows.
    `metrics/download.json` says `verified` for that one alone, from whatever source."""
    synthetic_cells: Annotated[int, Field(ge=320)]
    """Training images to draw where `source` is `synthetic`. A twelfth as many preliminary-test
    images come to them."""
    weights: Literal["imagenet", "none"]
    """`imagenet`, or `none` to train from scratch."""
