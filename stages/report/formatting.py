"""Format values of JSON reports as text, and sections of such reports as rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NONE = "–"


def as_percent(share: float | None) -> str:
    """Format a share for people: 0.95125 becomes 95.1 %, with a no-break space."""
    return NONE if share is None else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def as_text(value: Any) -> str:
    """Format a value from a JSON report for people; a string stays the same."""
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 0.1 else f"{value:,.3f}"
        case list():
            return ", ".join(as_text(item) for item in value)
    return str(value)


def as_figure(value: Any) -> str:
    """Format a metric, always with three decimals; other values as in `as_text`."""
    return f"{value:,.3f}" if isinstance(value, float) else as_text(value)


def as_interval(ends: Sequence[float] | None) -> str:
    """Format an interval [low, high] of figures: 0.912 to 0.954."""
    return NONE if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def as_percent_interval(ends: Sequence[float] | None) -> str:
    """Format an interval [low, high] of shares: 91.2 to 95.4 %."""
    return NONE if ends is None else f"{ends[0] * 100:.1f} to {as_percent(ends[1])}"


def as_name(key: str) -> str:
    """Make a key of a JSON report readable: spaces for `_`."""
    return str(key).replace("_", " ")


def as_heading(name: str) -> str:
    """Begin a name with a capital letter, and leave the rest as it is."""
    return name[:1].upper() + name[1:]


def as_rows(section: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten a JSON report into table rows of name (spaces for `_`) and text."""
    rows = []
    for key, value in section.items():
        name = as_name(key)
        if isinstance(value, Mapping):
            rows += [(f"{name}: {inner}", text) for inner, text in as_rows(value)]
        else:
            rows.append((name, as_text(value)))
    return rows


def as_columns(sections: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Lay out sections of a JSON report side by side: rows of a name and a text per section."""
    columns = [dict(as_rows(section)) for section in sections.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, [column.get(name, NONE) for column in columns]) for name in names]
