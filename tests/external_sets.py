"""The folder of the external sets, as the stage download leaves it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.dataset.archive_metadata import IMAGES, METADATA, metadata_bytes
from stages.dataset.external_sets import SetChoices, archive_of, write_choices

CHOICES: dict[str, Any] = {
    "fit": "whole",
    "crop_size": None,
    "background": [0, 0, 0],
    "microns_per_pixel": None,
    "allow_shared": False,
}
"""What params.yaml says of a set in these tests."""


def no_external_sets(folder: Path) -> Path:
    """Write the list of no sets, and return its folder."""
    return with_external_sets(folder, {})


def with_external_sets(
    folder: Path, sets: Mapping[str, Mapping[str, bytes]], **changes: Any
) -> Path:
    """Write the archives of sets, and return their folder, which lies beside `folder`.

    Args:
        folder: of the outputs of a stage.
        sets: by name of the set, the images by path; a path begins with the class.
        changes: to CHOICES, of each set.
    """
    external = folder.with_name(f"{folder.name}-raw") / "external"
    external.mkdir(parents=True, exist_ok=True)
    for name, images in sets.items():
        rows = {
            "file_name": [IMAGES + path for path in images],
            "label": [path.split("/")[0] for path in images],
        }
        with zipfile.ZipFile(archive_of(external, name), "w") as archive:
            for path, content in images.items():
                archive.writestr(IMAGES + path, content)
            archive.writestr(METADATA, metadata_bytes(pd.DataFrame(rows)))
    write_choices([SetChoices(name=name, **(CHOICES | changes)) for name in sets], external)
    return external
