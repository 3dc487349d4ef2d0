"""The environment in which the templates of a report are rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.report import formatting, tables

_SHARED = Path(__file__).parent


def environment(folder: Path, **filters: Callable[..., Any]) -> Environment:
    """Return an environment with the templates of a folder and of this one, and further filters."""
    made = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "columns": formatting.as_columns,
        "compared": tables.compared,
        "grid": tables.grid,
        "headed": formatting.as_heading,
        "interval": formatting.as_percent_interval,
        "measured_rows": tables.measured_rows,
        "percent": formatting.as_percent,
        "reasons": tables.reasons,
        "quoted": tables.intervals_to_quote,
        "rows": formatting.as_rows,
        "section": tables.section,
        "subject_columns": tables.subject_columns,
        "text": formatting.as_text,
        **filters,
    }
    return made
