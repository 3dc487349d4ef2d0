"""Write the metadata of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.common.files import write_json
from stages.dataset.classes import CLASS_NAMES


def write_metadata(results: Mapping[str, Any], path: Path, *, train: Mapping[str, Any]) -> None:
    """Write what an application needs besides the model itself.

    The model returns uncalibrated p(HEM), p(ALL). The logit of the calibrated p(ALL) is
    (log p(ALL) − log p(HEM)) / `temperature`. `operating_threshold` is for uncalibrated p(ALL).

    Args:
        results: the content of metrics/test.json.
        path: of the metadata.
        train: the content of metrics/train.json. If training started from a file of weights, its
            kind and its SHA-256 become `initial_weights`.
    """
    sha256 = train.get("weights_sha256")
    start = {"kind": train["weights"], "sha256": sha256} if sha256 else None
    chosen = ("operating_threshold", "target_sensitivity", "temperature")
    write_json(
        {
            "data": results["data"],
            "class_names": CLASS_NAMES,
            **{name: results[name] for name in chosen},
            "chosen_on": "validation",
            **({"initial_weights": start} if start else {}),
        },
        path,
    )
