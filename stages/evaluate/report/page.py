"""Render the report as one self-contained HTML page. The same input gives the same page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from stages.dataset.cell_table import SPLITS
from stages.evaluate.part_appearance import ON_UNIFORM
from stages.evaluate.report.external_tables import (
    differing,
    external_parts_of,
    glance,
    too_narrow,
)
from stages.evaluate.report.gallery import Gallery, png_uri
from stages.evaluate.split_warnings import positive_counts, unknown_counts
from stages.report import formatting
from stages.report.charts import (
    Point,
    history_chart,
    interval_chart,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from stages.report.environment import environment
from stages.report.subject_plot import subject_plot
from stages.report.tables import (
    METRIC_NAMES,
    Section,
    intervals_to_quote,
    section,
    with_unknown,
)
from stages.statistics.curves import Curves
from stages.statistics.intervals import unknown_subjects

_TEMPLATE = "report.html.jinja"
_IN_INTERVAL_CHART = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "roc_auc")


@dataclass(frozen=True)
class StageReports:
    """Reports of earlier stages: metrics/{download,split,train}.json and history.csv."""

    download: Mapping[str, Any]
    split: Mapping[str, Any]
    train: Mapping[str, Any]
    history: pd.DataFrame


def render_report(
    results: Section,
    *,
    predictions: pd.DataFrame,
    curves: Curves,
    galleries: Sequence[Gallery],
    earlier: StageReports,
    appearance: Mapping[str, Section],
    provenance: Section,
) -> str:
    """Render the report.

    Args:
        results: the content of metrics/test.json.
        predictions: rows of predictions.csv, of the test split.
        curves: of the test split.
        galleries: of the test split.
        earlier: reports of earlier stages.
        appearance: of each part, from part_appearance.
        provenance: profile, revision, device, versions (by package), dvc_lock (MD5 by path).

    Returns:
        The page. It loads nothing from the network or from files.
    """
    split = with_unknown(earlier.split)
    external = external_parts_of(results, split=split, download=earlier.download)
    in_parts = {
        part: split[part] for part in (*SPLITS, *external) if isinstance(split.get(part), Mapping)
    }
    page: str = (
        environment(
            Path(__file__).parent, differing=differing, png_uri=png_uri, too_narrow=too_narrow
        )
        .get_template(_TEMPLATE)
        .render(
            results=results,
            external=external,
            glance=glance(results),
            charts=_charts(results, predictions, curves),
            history_charts=[
                history_chart(earlier.history, measure=name) for name in ("loss", "accuracy")
            ],
            galleries=galleries,
            in_parts=in_parts,
            appearance=appearance,
            uneven=[name for name, means in appearance.items() if means[ON_UNIFORM] < 1],
            leaks=positive_counts(section(split, "leakage")),
            unknown_leaks=unknown_counts(section(split, "leakage")),
            known_subjects=positive_counts(section(split, "leakage")).get("subjects", 0),
            split={key: value for key, value in split.items() if key not in in_parts},
            train=earlier.train,
            download=earlier.download,
            provenance=provenance,
        )
    )
    return page


def _charts(results: Section, predictions: pd.DataFrame, curves: Curves) -> dict[str, Markup]:
    test, temperature = results["test"], results.get("temperature")
    average, area = test["average_precision"], test["roc_auc"]
    confusion = test["confusion"]
    is_all = confusion["true_positive"] + confusion["false_negative"]
    after = curves.reliability_calibrated if temperature is not None else None
    drawn = {
        "roc": roc_chart(curves.roc, area=area, points=_points(results, _roc_point)),
        "precision_recall": precision_recall_chart(
            curves.precision_recall,
            average=average,
            share_all=is_all / test["cells"],
            points=_points(results, _precision_recall_point),
        ),
        "reliability": reliability_chart(curves.reliability, after, temperature=temperature),
    }
    if unknown_subjects(predictions) is None:
        drawn["subjects"] = subject_plot(predictions, threshold=results["threshold"])
    if _by_name(intervals_to_quote(test)):
        values = {METRIC_NAMES[key]: test[key] for key in _IN_INTERVAL_CHART if key in test}
        drawn["intervals"] = interval_chart(
            {name: value for name, value in values.items() if value is not None},
            by_subject=_by_name(section(test, "intervals")),
            by_cell=_by_name(section(test, "cell_intervals")),
        )
    return drawn


def _by_name(intervals: Section) -> dict[str, Any]:
    return {METRIC_NAMES[key]: intervals[key] for key in _IN_INTERVAL_CHART if intervals.get(key)}


def _points(results: Section, place: Any) -> list[Point]:
    """Return the chart points of both thresholds; leave out undefined ones."""
    test = results["test"]
    operating = section(test, "operating_point")
    named = [(f"p(ALL) ≥ {formatting.as_text(results['threshold'])}", test)]
    if operating.get("threshold") is not None:
        threshold = formatting.as_text(operating["threshold"])
        named.append((f"operating point, ≥ {threshold}", operating))
    places = [(name, *place(values)) for name, values in named]
    return [point for point in places if None not in point]


def _roc_point(values: Section) -> tuple[float | None, float | None]:
    specificity = values.get("specificity")
    return None if specificity is None else 1 - specificity, values.get("sensitivity")


def _precision_recall_point(values: Section) -> tuple[float | None, float | None]:
    return values.get("sensitivity"), values.get("ppv")
