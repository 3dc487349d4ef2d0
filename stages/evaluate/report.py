"""Write the report: one HTML page that carries everything inside, the same for the same input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.cells import SPLITS
from stages.evaluate.charts import history_chart, roc_chart

METRIC_NAMES = {
    "cells": "Cells",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity for ALL",
    "specificity": "Specificity for ALL",
    "weighted_f1": "F1, weighted by class",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
}
_TEMPLATE = "report.html.jinja"


def render_report(
    results: Mapping[str, Any],
    *,
    profile: str,
    roc: pd.DataFrame,
    history: pd.DataFrame,
    split: Mapping[str, Any],
    train: Mapping[str, Any],
) -> str:
    """Render the report.

    Args:
        results: the content of metrics/test.json.
        profile: its name in params.yaml.
        roc: from `metrics.roc_points`.
        history: one row an epoch, columns inputs.HISTORY_COLUMNS.
        split: the content of metrics/split.json, shown as it is.
        train: the content of metrics/train.json, shown as it is.

    Returns:
        The page. It loads nothing, from no network and no file.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "columns": as_columns,
        "percent": as_percent,
        "rows": as_rows,
        "text": as_text,
    }
    measured = {part: results[part] for part in ("test", "external") if part in results}
    parts = {part: split[part] for part in SPLITS if isinstance(split.get(part), Mapping)}
    page: str = environment.get_template(_TEMPLATE).render(
        results=results,
        measured=measured,
        figures={part: _named(values) for part, values in measured.items()},
        profile=profile,
        roc_chart=roc_chart(roc, area=results["test"]["roc_auc"]),
        history_charts=[history_chart(history, measure=name) for name in ("loss", "accuracy")],
        parts=parts,
        split={key: value for key, value in split.items() if key not in parts},
        train=train,
    )
    return page


def as_percent(share: float) -> str:
    """Format a share of 1 for people: 0.95125 is 95.1 %, with a space that does not break."""
    return f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def as_text(value: Any) -> str:
    """Format a value from a JSON report for people; what is not a number stays as it is."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 0.1 else f"{value:,.3f}"
        case list():
            return ", ".join(as_text(item) for item in value)
    return str(value)


def as_rows(section: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten a JSON report into rows of a table: names with spaces for `_`, and texts."""
    rows = []
    for key, value in section.items():
        name = str(key).replace("_", " ")
        if isinstance(value, Mapping):
            rows += [(f"{name}: {inner}", text) for inner, text in as_rows(value)]
        else:
            rows.append((name, as_text(value)))
    return rows


def as_columns(sections: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Lay sections of a JSON report side by side: each row a name and a text for each section."""
    columns = [dict(as_rows(section)) for section in sections.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, [column.get(name, as_text(None)) for column in columns]) for name in names]


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[key] for key, name in METRIC_NAMES.items()}
