"""The metadata that go with the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.common.files import write_json
from stages.dataset.classes import CLASS_NAMES


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
