"""Draw p(ALL) of every test cell by subject, to show hard and influential subjects."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from stages.report.svg import ALL, HEM, INK, MUTED, as_svg, new_figure

_COLOURS = {"all": ALL, "hem": HEM}
_ROW_INCHES = 0.17


def subject_plot(predictions: pd.DataFrame, *, threshold: float) -> Markup:
    """Draw p(ALL) of every cell, one line per subject, sorted by mean p(ALL) within a class.

    Args:
        predictions: rows of predictions.csv of one split (subject, label, p_all).
        threshold: p(ALL) from which a cell is called ALL, drawn as a line.
    """
    classes = [name for name in _COLOURS if (predictions["label"] == name).any()]
    parts = {name: predictions[predictions["label"] == name] for name in classes}
    lines = [part["subject"].nunique() for part in parts.values()]
    with new_figure(width=5, height=1.1 + _ROW_INCHES * (sum(lines) + 3)) as figure:
        panels = figure.subplots(
            len(classes), sharex=True, squeeze=False, height_ratios=[count + 1 for count in lines]
        )[:, 0]
        for axes, (name, part) in zip(panels, parts.items(), strict=True):
            _draw(axes, part, colour=_COLOURS[name], threshold=threshold)
            axes.set_title(f"{name.upper()} subjects", loc="left")
        panels[-1].set(xlabel="p(ALL)", xlim=(-0.03, 1.03))
        return as_svg(figure, name="subjects", description=_description(parts, threshold=threshold))


def _draw(axes: Any, part: pd.DataFrame, *, colour: str, threshold: float) -> None:
    means = part.groupby("subject")["p_all"].mean().sort_index().sort_values(kind="stable")
    row = {subject: number for number, subject in enumerate(means.index)}
    axes.axvline(threshold, color=MUTED, linestyle=":")
    axes.scatter(
        part["p_all"], part["subject"].map(row), s=14, color=colour, alpha=0.55, linewidths=0
    )
    axes.plot(means, range(len(means)), "|", color=INK, markersize=9)
    axes.set_yticks(range(len(means)), labels=means.index, fontsize=8)
    axes.set_ylim(-0.9, len(means) - 0.1)
    axes.grid(visible=True, axis="y")


def _description(parts: dict[str, pd.DataFrame], *, threshold: float) -> str:
    said = []
    for name, part in parts.items():
        called = part["p_all"] >= threshold
        right = (called == (name == "all")).groupby(part["subject"]).mean()
        said.append(
            f"{len(right)} {name.upper()} subjects, with {int((right < 0.5).sum())} of which most "
            "cells are called wrong"
        )
    return "p(ALL) of each test cell, a line for each subject: " + "; ".join(said)
