"""What the split's report says of leakage, and what the test figures then do not mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def leakage_warning(leakage: Mapping[str, Any]) -> str | None:
    """Say what leaks and what the figures then do not mean; None where all counts are 0.

    Args:
        leakage: the `leakage` section of metrics/split.json: counts, nested or not.
    """
    found = [f"{name}: {count:,}" for name, count in positive_counts(leakage).items()]
    if not found:
        return None
    return (
        f"The parts of the split share what they should not ({', '.join(found)}): the test "
        "figures say how the model does on further cells of subjects that it knows, not on new "
        "patients."
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
