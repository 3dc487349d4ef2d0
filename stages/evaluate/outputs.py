"""What evaluate leaves besides tables and page: pictures for DVC, metadata for the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.cells import CLASS_NAMES
from stages.evaluate.contact_sheet import contact_sheet
from stages.evaluate.gallery import Gallery
from stages.files import atomic_path, write_json


def write_pictures(galleries: Sequence[Gallery], folder: Path) -> None:
    """Write each gallery as one PNG file with its name, for `dvc plots diff`."""
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for gallery in galleries:
            name = gallery.title.lower().replace(" ", "_")
            (temporary / f"{name}.png").write_bytes(contact_sheet(gallery))


def write_metadata(results: Mapping[str, Any], path: Path) -> None:
    """Write what an application of the model needs and the model does not do by itself.

    Its output is p(HEM), p(ALL) as trained. Divided by `temperature`, log p(ALL) − log p(HEM) is
    the logit of a calibrated p(ALL); `operating_threshold` is for p(ALL) as it comes out.
    """
    chosen = ("operating_threshold", "target_sensitivity", "temperature")
    write_json(
        {
            "data": results["data"],
            "class_names": CLASS_NAMES,
            **{name: results[name] for name in chosen},
            "chosen_on": "validation",
        },
        path,
    )
