"""Warn about problems of split and subjects, and about figures that they make misleading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from stages.statistics.intervals import TOO_NARROW, unknown_subjects

MOST_POINTS = 2
"""Largest deviation of a part's size or class share without a warning, in percentage points."""


def split_warnings(split: Mapping[str, Any]) -> list[str]:
    """Return the warnings from metrics/split.json: leakage, and deviating sizes or class shares."""
    leakage = split["leakage"]
    warnings = [leakage_warning(leakage), unknown_leakage(leakage), deviation_warning(split)]
    return [warning for warning in warnings if warning is not None]


def subject_warnings(predictions: pd.DataFrame, parts: Sequence[str]) -> list[str]:
    """Return a warning if subjects of one of the parts, test and external sets, are not known."""
    unknown = [
        name for name in parts if unknown_subjects(predictions[predictions["split"] == name])
    ]
    return [f"Of the cells in {_listed(unknown)} {TOO_NARROW}."] if unknown else []


def external_warnings(split: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return a warning for each external set with pictures that training has, too, or like them."""
    found = []
    for name in names:
        section = split.get(name, {})
        same, alike = (
            section.get(key, 0) for key in ("images_in_training", "images_like_training")
        )
        if same or alike:
            found.append(
                f"Of the {section['cells']:,} images of {name}, {same:,} are in the training set, "
                f"too, and {alike:,} look like one of it: its figures are not those of new cells."
            )
    return found


def unknown_leakage(leakage: Mapping[str, Any]) -> str | None:
    """Return a warning if it is unknown what the parts share, else None.

    Args:
        leakage: the `leakage` section of metrics/split.json: counts, "unknown" or null.
    """
    unknown = unknown_counts(leakage)
    if not unknown:
        return None
    return (
        "Leakage is unknown: nobody knows whether the parts of the split share "
        f"{_listed(unknown)}. So the figures may say how the model does on further cells of "
        "people that it knows, not on new ones."
    )


def deviation_warning(split: Mapping[str, Any]) -> str | None:
    """Return a warning if sizes or class shares deviate by more than MOST_POINTS, else None."""
    deviation = split["deviation_points"]
    if max(deviation.values(), default=0) <= MOST_POINTS:
        return None
    return (
        f"The parts of the split miss their sizes by up to {deviation['size']:.1f} and their "
        f"class shares by up to {deviation['class_share']:.1f} percentage points: too few groups "
        "of subjects to choose from. A figure for a class with few test cells means little."
    )


def leakage_warning(leakage: Mapping[str, Any]) -> str | None:
    """Return a warning about leakage and its effect on the figures; None if all counts are 0.

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


def unknown_counts(section: Mapping[str, Any]) -> list[str]:
    """Return the names of the unknown values in a section, with spaces for `_`."""
    return [
        str(key).replace("_", " ") for key, value in section.items() if value in (None, "unknown")
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def positive_counts(section: Mapping[str, Any]) -> dict[str, int | float]:
    """Return the numbers above 0 in a section. Spaces join nested names and replace `_`."""
    counts: dict[str, int | float] = {}
    for key, value in section.items():
        name = str(key).replace("_", " ")
        if isinstance(value, Mapping):
            nested = positive_counts(value)
            counts |= {f"{name} {inner}": count for inner, count in nested.items()}
        elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            counts[name] = value
    return counts
