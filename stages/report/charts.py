"""Draw the report's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from stages.report.svg import HELD_OUT, INK, MUTED, TRAINING, as_svg, new_figure

Point = tuple[str, float, float]
"""A threshold's point in a chart: its name, x, y."""

_MARKERS = "oD^v"


def roc_chart(curve: pd.DataFrame, *, area: float, points: Sequence[Point] = ()) -> Markup:
    """Draw the ROC curve (columns of metrics.roc_points) and the diagonal of chance.

    Points are (name, 1 − specificity, sensitivity).
    """
    with new_figure(width=5, height=4.6) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", label="chance")
        axes.plot(
            curve["false_positive_rate"],
            curve["true_positive_rate"],
            color=HELD_OUT,
            label=f"model, area {area:.3f}",
        )
        _mark(axes, points)
        axes.set(xlabel="1 − specificity", ylabel="sensitivity for ALL", aspect="equal")
        axes.legend(loc="lower right")
        return as_svg(
            figure,
            name="roc",
            description=f"ROC curve on the test cells, area {area:.3f}{_spoken(points)}",
        )


def precision_recall_chart(
    curve: pd.DataFrame, *, average: float, share_all: float, points: Sequence[Point] = ()
) -> Markup:
    """Draw the precision-recall curve (columns of curves.precision_recall_points).

    `average` is the average precision. `share_all` is the share of ALL cells: the precision of
    chance. Points are (name, sensitivity, PPV).
    """
    with new_figure(width=5, height=4.6) as figure:
        axes = figure.add_subplot()
        axes.axhline(share_all, color=MUTED, linestyle=":", label="chance")
        axes.step(
            curve["recall"],
            curve["precision"],
            where="post",  # the steps that the average precision sums
            color=HELD_OUT,
            label=f"model, average {average:.3f}",
        )
        _mark(axes, points)
        axes.set(xlabel="recall (sensitivity for ALL)", ylabel="precision (PPV)", aspect="equal")
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        axes.legend(loc="lower left")
        return as_svg(
            figure,
            name="precision-recall",
            description=f"Precision over recall on the test cells, average precision "
            f"{average:.3f}{_spoken(points)}",
        )


def reliability_chart(
    before: pd.DataFrame, after: pd.DataFrame | None = None, *, temperature: float | None = None
) -> Markup:
    """Draw the reliability diagram, and the number of cells in each bin of p(ALL).

    Columns low, high, cells, mean_p_all, all_share. `after` has the bins after division of the
    logits by `temperature`.
    """
    series = [("as the model says", before, TRAINING, "o-")]
    if after is not None:
        series.append((f"divided by T = {temperature:.3f}", after, HELD_OUT, "s--"))
    with new_figure(width=5, height=5.4) as figure:
        curve, counts = figure.subplots(2, sharex=True, height_ratios=[3.4, 1])
        curve.plot([0, 1], [0, 1], color=MUTED, linestyle=":", label="calibrated")
        for label, points, colour, style in series:
            curve.plot(points["mean_p_all"], points["all_share"], style, color=colour, label=label)
            filled = points is before
            counts.bar(
                points["low"],
                points["cells"],
                width=points["high"] - points["low"],
                align="edge",
                facecolor=colour if filled else "none",
                edgecolor=colour,
                alpha=0.5 if filled else 1,
            )
        curve.set(ylabel="share of ALL cells", ylim=(-0.03, 1.03))
        curve.legend(loc="upper left")
        counts.set(xlabel="p(ALL)", ylabel="cells")
        return as_svg(
            figure,
            name="reliability",
            description="Reliability diagram on the test cells: " + _gaps(series),
        )


def history_chart(history: pd.DataFrame, *, measure: str) -> Markup:
    """Draw a column of the training history, and its `val_` counterpart, over the epochs."""
    validation = f"val_{measure}"
    with new_figure(width=5, height=3.2) as figure:
        axes = figure.add_subplot()
        for column, label, colour in (
            (measure, "training", TRAINING),
            (validation, "validation", HELD_OUT),
        ):
            axes.plot(history["epoch"], history[column], ".-", color=colour, label=label)
        axes.set(xlabel="epoch", ylabel=measure)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend()
        last = history.iloc[-1]
        description = (
            f"{measure} over {len(history)} epochs; at the last one {last[measure]:.3f} in "
            f"training and {last[validation]:.3f} in validation"
        )
        return as_svg(figure, name=measure, description=description)


def interval_chart(
    values: Mapping[str, float],
    *,
    by_subject: Mapping[str, Sequence[float]],
    by_cell: Mapping[str, Sequence[float]],
) -> Markup:
    """Draw metrics (by name, 0…1) with their 95 % intervals: by subject thick, by cell thin.

    Where subjects are not known, those by cell stand alone.
    """
    names = list(values)
    rows = range(len(names))
    both = (
        ("by cell", by_cell, 1.5, HELD_OUT, 0.14),
        ("by subject", by_subject, 4, TRAINING, -0.14),
    )
    kinds = [kind for kind in both if kind[1]]
    with new_figure(width=5, height=0.9 + 0.36 * len(names)) as figure:
        axes = figure.add_subplot()
        for label, intervals, width, colour, shift in kinds:
            known = [row for row in rows if intervals.get(names[row])]
            axes.hlines(
                [row + shift for row in known],
                [intervals[names[row]][0] for row in known],
                [intervals[names[row]][1] for row in known],
                color=colour,
                linewidth=width,
                label=f"95 % interval {label}",
            )
        axes.plot([values[name] for name in names], rows, "|", color=INK, markersize=13)
        axes.set_yticks(rows, labels=names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper right", ncols=2, fontsize="small")
        return as_svg(
            figure,
            name="intervals",
            description=f"95 % intervals {' and '.join(kind[0] for kind in reversed(kinds))}: "
            + "; ".join(_spoken_interval(name, values[name], kinds[-1][1]) for name in names),
        )


def _mark(axes: Any, points: Sequence[Point]) -> None:
    for (name, across, up), marker in zip(points, _MARKERS, strict=False):
        axes.plot(across, up, marker, color=INK, markersize=8, label=name, zorder=3)


def _spoken(points: Sequence[Point]) -> str:
    return "".join(f"; {name} at {across:.3f} across, {up:.3f} up" for name, across, up in points)


def _spoken_interval(name: str, value: float, intervals: Mapping[str, Sequence[float]]) -> str:
    interval = intervals.get(name)
    return f"{name} {value:.3f}" + (
        f", {interval[0]:.3f} to {interval[1]:.3f}" if interval else ", no interval"
    )


def _gaps(series: Sequence[tuple[str, pd.DataFrame, str, str]]) -> str:
    largest = (
        (label, (points["mean_p_all"] - points["all_share"]).abs().max())
        for label, points, _, _ in series
    )
    return "; ".join(f"{label}, off by {gap:.3f} at most" for label, gap in largest)
