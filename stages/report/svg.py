"""Render figures as inline SVG: the same data give the same bytes, and ids never collide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

INK, MUTED, LINE = "#1f2937", "#6b7280", "#e5e7eb"
TRAINING, HELD_OUT = "#b45309", "#1d4ed8"
ALL, HEM = "#c2410c", "#0369a1"

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    TRAINING: "--training",
    HELD_OUT: "--held-out",
    ALL: "--all",
    HEM: "--hem",
}
"""The page's CSS custom property for each colour. Its value differs in dark mode and in print."""

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": "medium",
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": LINE,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.fonttype": "path",  # as text, the layout would depend on the machine's fonts
    "svg.hashsalt": "leukemia-classification",
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name from the data stays a $
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}
_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def new_figure(*, width: float, height: float) -> Iterator[Figure]:
    """Yield a figure (inches) in our style, independent of the user's matplotlibrc."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield Figure(figsize=(width, height))


def as_svg(figure: Figure, *, name: str, description: str) -> Markup:
    """Render a figure as inline SVG for HTML, with `description` as its text alternative.

    Returns:
        An element without prolog or fixed size. Its ids start with `name`. Its colours are the
        page's custom properties, with the colour itself as the fallback.
    """
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata=_METADATA)
    _, _, element = content.getvalue().partition("<svg")
    _, _, body = element.partition(">")
    body = re.sub(r'( id="| xlink:href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable}, {colour})")
    width, height = figure.get_size_inches() * 72
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{{}}">'
    return Markup(opening).format(description) + Markup(body.strip())  # noqa: S704 (our drawing)
