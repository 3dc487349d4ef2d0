"""What is wrong with the split by its own report, and what the figures then do not mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_POINTS = 2
"""Percentage points by which the parts may miss their size or class share without a warning."""


def split_warnings(split: Mapping[str, Any]) -> list[str]:
    """Say what metrics/split.json warns of: leakage, and parts unlike what was asked."""
    warnings = [leakage_warning(split["leakage"]), deviation_warning(split)]
    return [warning for warning in warnings if warning is not None]


def deviation_warning(split: Mapping[str, Any]) -> str | None:
    """Say how far the parts are from their size and class share; None up to MOST_POINTS."""
    deviation = split["deviation_points"]
    if max(deviation.values(), default=0) <= MOST_POINTS:
        return None
    return (
        f"The parts of the split miss their sizes by up to {deviation['size']:.1f} and their "
        f"class shares by up to {deviation['class_share']:.1f} percentage points: too few groups "
        "of subjects to choose from. A figure for a class with few test cells means little."
    )


def leakage_warning(leakage: Mapping[str, Any]) -> str | None:
    """Say what leaks and what the figures then do not mean; None where all counts are 0.

    Args:
        leakage: the `leakage` section of metrics/split.json: counts, nested or not.
    """
    found = [f"{name}: {count:,}" for name, count in positive_counts(leakage).items()]
    if not found:
        return None
    return (
        f"The parts of the split share what they should not ({', '.join(found)}): figures on "
        "parts that share subjects say how the model does on further cells of subjects that it "
        "knows, not on new patients."
    )


def positive_counts(section: Mapping[str, Any]) -> dict[str, int | float]:
    """Return the numbers above 0 in a section, nested names joined by spaces, `_` as spaces."""
    counts: dict[str, int | float] = {}
    for key, value in section.items():
        name = str(key).replace("_", " ")
        if isinstance(value, Mapping):
            nested = positive_counts(value)
            counts |= {f"{name} {inner}": count for inner, count in nested.items()}
        elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            counts[name] = value
    return counts
