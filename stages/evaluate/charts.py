"""The report's charts as inline SVG: the same data give the same bytes, and ids never collide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAINING_COLOUR = "#b45309"
HELD_OUT_COLOUR = "#1d4ed8"
MUTED_COLOUR = "#6b7280"

_STYLE = {
    "axes.edgecolor": MUTED_COLOUR,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,
    "font.size": 11,
    "grid.color": "#e5e7eb",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.fonttype": "path",  # text would be laid out by fonts that differ between machines
    "svg.hashsalt": "leukemia-classification",
}
_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


def roc_chart(curve: pd.DataFrame, *, area: float) -> Markup:
    """Draw the ROC curve (columns of metrics.roc_points) beside the diagonal of chance."""
    with _figure(width=5, height=4.6) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED_COLOUR, linestyle=":", label="chance")
        axes.plot(
            curve["false_positive_rate"],
            curve["true_positive_rate"],
            color=HELD_OUT_COLOUR,
            label=f"model, area {area:.3f}",
        )
        axes.set(xlabel="1 − specificity", ylabel="sensitivity for ALL", aspect="equal")
        axes.legend(loc="lower right")
        return _svg(figure, name="roc", description=f"ROC curve on the test cells, area {area:.3f}")


def history_chart(history: pd.DataFrame, *, measure: str) -> Markup:
    """Draw a column of the training history, and its `val_` counterpart, over the epochs."""
    validation = f"val_{measure}"
    with _figure(width=5, height=3.2) as figure:
        axes = figure.add_subplot()
        for column, label, colour in (
            (measure, "training", TRAINING_COLOUR),
            (validation, "validation", HELD_OUT_COLOUR),
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
        return _svg(figure, name=measure, description=description)


@contextmanager
def _figure(*, width: float, height: float) -> Iterator[Figure]:
    """Yield a figure (inches) in our style, whatever stands in the user's matplotlibrc."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield Figure(figsize=(width, height))


def _svg(figure: Figure, *, name: str, description: str) -> Markup:
    """Render the figure for a place inside HTML: no prolog, no fixed size, ids led by `name`."""
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata=_METADATA)
    _, _, element = content.getvalue().partition("<svg")
    _, _, body = element.partition(">")
    body = re.sub(r'( id="| xlink:href="#|url\(#)', rf"\g<1>{name}-", body)
    width, height = figure.get_size_inches() * 72
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{{}}">'
    return Markup(opening).format(description) + Markup(body.strip())  # noqa: S704 (our drawing)
