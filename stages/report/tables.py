"""Lay out metrics/test.json as the report's tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.formatting import as_figure, as_interval, as_name

METRIC_NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity for ALL",
    "specificity": "Specificity for ALL",
    "ppv": "PPV",
    "npv": "NPV",
    "weighted_f1": "F1, weighted by class",
    "mcc": "MCC",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "ECE",
}

UNKNOWN = "unknown"

Section = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """A row of a table of metrics: name, value and 95 % intervals, all as texts."""

    name: str
    value: str
    by_subject: str
    by_cell: str


def section(values: Section, *names: str) -> Section:
    """Return the object at the path `names` in a JSON report, or an empty one."""
    for name in names:
        inner = values.get(name)
        if not isinstance(inner, Mapping):
            return {}
        values = inner
    return values


def with_unknown(values: Section) -> Section:
    """Return metrics/split.json with UNKNOWN for each None, which stands for what is unknown."""
    return {
        key: with_unknown(value)
        if isinstance(value, Mapping)
        else UNKNOWN
        if value is None
        else value
        for key, value in values.items()
    }


def intervals_to_quote(values: Section) -> Section:
    """Return the intervals over subjects; where these are not known, those over cells."""
    by_cell = section(values, "cell_intervals")
    return by_cell if "too_narrow" in by_cell else section(values, "intervals")


def measured_rows(values: Section) -> list[Measured]:
    """Return a row with intervals for each metric in `values`, in the order of METRIC_NAMES."""
    by_subject, by_cell = section(values, "intervals"), section(values, "cell_intervals")
    known = "too_narrow" not in by_cell
    return [
        Measured(
            name,
            as_figure(values[key]),
            as_interval(by_subject.get(key)) if known else UNKNOWN,
            as_interval(by_cell.get(key)),
        )
        for key, name in METRIC_NAMES.items()
        if key in values
    ]


def compared(
    sections: Mapping[str, Section], only: Collection[str] = METRIC_NAMES.keys()
) -> list[tuple[str, list[str]]]:
    """Lay out metrics side by side: a row for each metric that is in `only` and in a section."""
    return [
        (name, [as_figure(values.get(key)) for values in sections.values()])
        for key, name in METRIC_NAMES.items()
        if key in only and any(key in values for values in sections.values())
    ]


def grid(records: Sequence[Section]) -> tuple[list[str], list[list[str]]]:
    """Lay out records as a table: a column for each key that any of them has.

    `undefined` gets no column. An interval stands in brackets after its figure.
    """
    apart = ("undefined", "intervals", "cell_intervals")
    keys = list(dict.fromkeys(key for record in records for key in record if key not in apart))
    return [as_name(key) for key in keys], [
        [_with_interval(record, key) for key in keys] for record in records
    ]


def _with_interval(record: Section, key: str) -> str:
    ends = intervals_to_quote(record).get(key)
    unknown = key == "subjects" and record.get(key) is None
    figure = UNKNOWN if unknown else as_figure(record.get(key))
    together = as_interval(ends).replace(" ", "\N{NO-BREAK SPACE}")
    return f"{figure} ({together})" if ends else figure


def subject_columns(by_subject: Section) -> dict[str, Section]:
    """Return the `by_subject` section by class, with the interval of each mean accuracy."""
    intervals = section(by_subject, "intervals")
    columns: dict[str, Section] = {}
    for name in ("all", "hem", "both"):
        if name in by_subject:
            figures = dict(by_subject[name])
            figures["right_interval"] = as_interval(figures.get("right_interval"))
            figures["mean_accuracy_interval"] = as_interval(intervals.get(name))
            columns[name if name == "both" else name.upper()] = figures
    return columns


def reasons(values: Section, *inside: str) -> list[str]:
    """Return why figures are missing: `undefined` of a section, and of those `inside` it."""
    found = ["; ".join(values["undefined"])] if "undefined" in values else []
    for inner in (section(values, name) for name in inside):
        found += reasons(inner, "intervals", "cell_intervals") if inner else []
    return list(dict.fromkeys(found))
