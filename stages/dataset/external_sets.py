"""The external test sets: cells that nothing trains on, each set a part of its own.

    data/raw/external/sets.json       what params.yaml says of each set, in its order
    data/raw/external/<name>.zip      its archive, in one of the forms of the main one

The first is C-NMC's preliminary test set, where the main archive has it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.cell_table import PRELIMINARY

_LIST = "sets.json"


@dataclass(frozen=True)
class SetChoices:
    """What params.yaml says of a set, for the stages after download.

    Attributes:
        name: of the set, and of its part.
        fit: how its images come to `image_size`: exact, crop or whole.
        crop_size: width and height of the crop, in pixels.
        background: red, green and blue.
        microns_per_pixel: of its images; None if it is not known, or stands in its table.
        allow_shared: whether pictures may be in training, too.
    """

    name: str
    fit: Literal["exact", "crop", "whole"]
    crop_size: int | None
    background: list[int]
    microns_per_pixel: float | None
    allow_shared: bool


@dataclass(frozen=True)
class ExternalSet:
    """A test set: its name, its archive, its cells as `training_cells` lists them.

    `choices` is None for the preliminary set, whose images are of the same source as the training
    ones.
    """

    name: str
    archive: Path
    cells: pd.DataFrame
    choices: SetChoices | None


def archive_of(folder: Path, name: str) -> Path:
    """Return the path of a set's archive in the folder of the external sets."""
    return folder / f"{name}.zip"


def write_choices(choices: Sequence[SetChoices], folder: Path) -> None:
    """Write what params.yaml says of each set into the folder of the external sets."""
    write_json({"sets": [asdict(chosen) for chosen in choices]}, folder / _LIST)


def external_sets(archive: Path, folder: Path) -> list[ExternalSet]:
    """List the external sets with their cells: the preliminary one, then those in the folder.

    Raises:
        StageError: if the list is missing or malformed, or an archive is missing or has a fault.
    """
    with open_archive(archive) as opened:
        cells = external_cells(opened)
    found = [ExternalSet(PRELIMINARY, archive, cells, None)] if len(cells) else []
    return found + [
        ExternalSet(chosen.name, path, _all_cells(path), chosen)
        for chosen in _read_choices(folder)
        for path in [archive_of(folder, chosen.name)]
    ]


def _all_cells(path: Path) -> pd.DataFrame:
    """List all labelled cells of an archive; in Kaggle's layout also the preliminary ones."""
    with open_archive(path) as archive:
        tables = [training_cells(archive), external_cells(archive)]
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _read_choices(folder: Path) -> list[SetChoices]:
    path = folder / _LIST
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["sets"]
        return [SetChoices(**chosen) for chosen in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            f"{path} cannot be read ({error}); make it again with `dvc repro --force download`"
        ) from error
