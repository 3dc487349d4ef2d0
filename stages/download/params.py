"""The parameters of the stage download."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, PositiveFloat, PositiveInt, Seed

Name = Annotated[str, Field(min_length=1)]
Byte = Annotated[int, Field(ge=0, le=255)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


@dataclass(frozen=True, config=STRICT)
class ExternalParams:
    """A test set from elsewhere: nothing trains on it, and it is a part of its own name.

    Only `name`, `source` and `fit` are needed. `identifiers`, `kaggle_dataset` and the like hold
    for it, too.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)]
    """A plain word: the name of its part in tables, metrics and report."""
    source: Name
    """As `source` of the training cells: a folder, a zip, an address, `kaggle` or `synthetic`."""
    fit: Literal["exact", "crop", "whole"]
    """As `preprocess.fit`, for the images of this set."""
    crop_size: PositiveInt | None = None
    """As `preprocess.crop_size`; counted in pixels of the training images where both scales are
    known."""
    microns_per_pixel: PositiveFloat | None = None
    """Physical size of a pixel of its images; brings them to `preprocess.microns_per_pixel`, with
    `fit: crop`."""
    background: Annotated[list[Byte], Field(min_length=3, max_length=3)] = Field(default=[0, 0, 0])
    """As `preprocess.background`."""
    classes: dict[Literal["hem", "all"], list[Name]] | None = None
    """What the set calls its classes, by ours."""
    ignore_classes: list[Name] = Field(default=[])
    """Classes of it that are left out."""
    sha256: Sha256 | None = None
    """Expected SHA-256 of the zip as it comes from its source."""
    allow_shared: bool = False
    """`true` allows pictures that the training set has, too, and counts them as leakage."""


@dataclass(frozen=True, config=STRICT)
class DownloadParams:
    """Where the archive and the initial weights come from."""

    source: Annotated[str, Field(min_length=1)]
    """`synthetic` (cells drawn by this project), `kaggle`, or a data set of labelled images: the
    path or URL of a zip, or the path of a folder, in Kaggle's layout, in class folders or with a
    `metadata.csv`. `$NAME` in it is replaced by the environment variable `NAME`. Passwords and
    signatures must come from such variables."""
    classes: dict[Literal["hem", "all"], list[Name]] | None
    """What a set in class folders or with a table calls its classes, by ours, as `{hem: [benign,
    normal], all: [early, pre, pro]}`; `null` if it calls them `hem` and `all`. Upper and lower case
    do not matter. A class that stands neither here nor in `ignore_classes` is an error."""
    ignore_classes: list[Name]
    """Classes of such a set that are left out."""
    identifiers: Literal["names", "pseudonyms"]
    """`pseudonyms` replaces the names of images, subjects, fields and cells of such a set by keyed
    hashes, so that neither git nor a remote gets a name; `names` keeps them. Kaggle's layout and
    the built-in cells have none."""
    sha256: Sha256 | None
    """Expected SHA-256 of the zip as it comes from `source`; `null` accepts any. A folder is packed
    into a zip first; `metrics/download.json` gives the SHA-256 of this zip."""
    kaggle_dataset: Annotated[str, Field(pattern=r"^[\w-]+/[\w-]+/versions/[1-9]\d*$")]
    """The data set and its version at Kaggle: `owner/name/versions/number`."""
    accept_unknown_archive: bool
    """`true` accepts a data set from Kaggle that differs from this project's inventory of C-NMC
    2019. In `metrics/download.json`, `verified` is true only for a data set that matches the
    inventory, whatever its source."""
    synthetic_cells: Annotated[int, Field(ge=320)]
    """Number of training images to draw if `source` is `synthetic`. A twelfth as many
    preliminary-test images are drawn in addition."""
    synthetic_seed: Seed
    """Seed of the drawn images."""
    weights: Annotated[str, Field(min_length=1)]
    """What training starts from: `imagenet`, the weights of the base, from the user's own Keras
    folder or from where Keras publishes them; the path or URL of a copy of these; `none` for random
    weights; or the path or URL of a trained model of this project, which ends in `.keras`."""
    external: list[ExternalParams]
    """Test sets from elsewhere, each a part of its own: preprocessed with its own fit and scale,
    measured and reported beside the others. A change of the list trains nothing again."""
