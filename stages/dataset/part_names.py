"""The names of the parts of a split, and of the external sets beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PART_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""The part that each name stands for. Upper and lower case do not matter."""

TAKEN_NAMES = {
    *PART_NAMES,
    *("external", "training", "out_of_fold"),
    *("strategy", "deviation_points", "test_cells_known_by", "leakage", "near_identical_pairs"),
    *("data", "warnings", "threshold", "target_sensitivity", "operating_threshold"),
    *("temperature", "undefined"),
}
"""Names that no external set may have: those of parts, also of a cross-validation, and the keys of
metrics/split.json and metrics/test.json, which have a section with the name of each set."""


def measured_parts(results: Mapping[str, Any]) -> list[str]:
    """Return the parts that metrics/test.json measures: test, then the external sets."""
    sections = [name for name, value in results.items() if isinstance(value, Mapping)]
    return ["test", *(name for name in sections if name not in TAKEN_NAMES - {"external"})]
