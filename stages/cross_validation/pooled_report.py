"""Render the report of a cross-validation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from stages.cross_validation.pooled import OUT_OF_FOLD
from stages.report.charts import roc_chart
from stages.report.environment import environment
from stages.report.formatting import as_figure
from stages.report.subject_plot import subject_plot
from stages.report.tables import METRIC_NAMES, Section, with_unknown
from stages.statistics.intervals import unknown_subjects
from stages.statistics.metrics import roc_points

_TEMPLATE = "pooled_report.html.jinja"


def render_report(
    results: Section,
    *,
    pooled: Mapping[int, pd.DataFrame],
    folds: Section,
    provenance: Section,
) -> str:
    """Render the report.

    Args:
        results: the content of out_of_fold.json.
        pooled: the cells as each seed's members predicted them out of fold.
        folds: the content of folds.json.
        provenance: from report/provenance.py.

    Returns:
        The page. It loads nothing from the network or from files.
    """
    seeds = {f"seed {seed}": results["by_seed"][f"seed_{seed}"] for seed in pooled}
    mean = results[OUT_OF_FOLD]
    page: str = (
        environment(Path(__file__).parent, beside_members=_beside_members)
        .get_template(_TEMPLATE)
        .render(
            results=results,
            mean=mean,
            seeds=seeds,
            beside=seeds | {"mean": mean, "standard deviation": mean.get("standard_deviation", {})},
            folds=with_unknown(folds),
            charts={f"seed {seed}": _charts(rows, seed, results) for seed, rows in pooled.items()},
            provenance=provenance,
        )
    )
    return page


def _beside_members(external: Section) -> list[tuple[str, list[str]]]:
    """Lay out the ensemble beside its members: a row for each metric that these have."""
    return [
        (
            METRIC_NAMES[name],
            [as_figure(external["ensemble"][name]), *map(as_figure, spread.values())],
        )
        for name, spread in external["members"].items()
    ]


def _charts(rows: pd.DataFrame, seed: int, results: Section) -> dict[str, Markup]:
    area = results["by_seed"][f"seed_{seed}"]["roc_auc"]
    drawn = {"roc": roc_chart(roc_points(rows), area=area)}
    if unknown_subjects(rows) is None:
        drawn["subjects"] = subject_plot(rows, threshold=results["threshold"])
    return drawn
