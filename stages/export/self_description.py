"""What the model file says of itself; read by predict and by the page."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

from stages.common.files import json_text
from stages.dataset.classes import CLASS_NAMES
from stages.export.fit_graph import FitChoices
from stages.export.graph_builder import OPSET
from stages.export.notes_graph import NOTES

PROJECT = "leukemia-classification"

_FIGURES = ("cells", "subjects", "accuracy", "roc_auc", "sensitivity", "specificity", "intervals")
_PACKAGES = ("keras", "tensorflow", "onnx")
_LICENCES = {
    "synthetic": "drawn by this project; they say nothing about leukemia",
    "C-NMC": "CC BY 3.0 (The Cancer Imaging Archive, doi 10.7937/tcia.2019.dc64i46r)",
}
_OWN = "as their owner says"
_NO_DEVICE = "Not a medical device: for research alone, not for diagnosis or treatment."


def self_description(
    results: Mapping[str, Any], *, choices: FitChoices, sets: list[str], model_sha256: str
) -> dict[str, Any]:
    """Return the metadata of the model file.

    Args:
        results: the content of metrics/test.json.
        choices: how images come to the size of the network's input.
        sets: names of the external sets.
        model_sha256: of models/model.keras.
    """
    synthetic = results["data"] == "synthetic"
    figures = hashlib.md5(json_text(results).encode(), usedforsecurity=False).hexdigest()
    return {
        "project": PROJECT,
        "version": "0.1.0",
        "revision": f"git log --oneline --reverse -S {figures} -- dvc.lock",
        "data": {
            "name": results["data"],
            "synthetic": synthetic,
            "licence": _licence(results["data"]),
        },
        "class_names": list(CLASS_NAMES),
        "input": {
            "fit": choices.fit,
            "crop_size": choices.crop_size,
            "image_size": choices.image_size,
            "background": list(choices.background),
            "microns_per_pixel": choices.microns_per_pixel,
        },
        "temperature": results["temperature"] or 1.0,
        "thresholds": _thresholds(results),
        "notes": [{"name": name, "text": text} for name, text in NOTES],
        "figures": {
            "test": _figures(results["test"]),
            "external": {name: _figures(results[name]) for name in sets},
        },
        "opset": OPSET,
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "hashes": {"model.keras": model_sha256},
        "disclaimer": _NO_DEVICE,
    }


def _licence(data: str) -> str:
    return next((text for name, text in _LICENCES.items() if data.startswith(name)), _OWN)


def _thresholds(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = [{"name": "default", "value": results["threshold"], "promise": "evaluate.threshold"}]
    if (operating := results["operating_threshold"]) is not None:
        promise = (
            f"sensitivity of {results['target_sensitivity']} or more on the validation cells, "
            "where it was chosen"
        )
        told.append({"name": "operating_point", "value": operating, "promise": promise})
    return told


def _figures(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: section[name] for name in _FIGURES if name in section}
