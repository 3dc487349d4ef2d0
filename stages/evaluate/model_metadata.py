"""Write the metadata of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.common.files import write_json
from stages.dataset.classes import CLASS_NAMES


def write_metadata(results: Mapping[str, Any], path: Path) -> None:
    """Write what an application needs besides the model itself.

    The model returns uncalibrated p(HEM), p(ALL). The logit of the calibrated p(ALL) is
    (log p(ALL) − log p(HEM)) / `temperature`. `operating_threshold` is for uncalibrated p(ALL).
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
