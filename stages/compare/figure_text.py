"""Format figures and tables as text or Markdown."""

from __future__ import annotations

from tabulate import tabulate

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def figure(value: float | None) -> str:
    """Format a number with three decimals."""
    return NOTHING if value is None else f"{value:.3f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Format a difference with its sign."""
    return NOTHING if value is None else f"{value:+.3f}".replace("-", MINUS)


def span(interval: list[float] | None) -> str:
    """Format an interval of differences."""
    return NOTHING if interval is None else f"{signed(interval[0])} … {signed(interval[1])}"


def table_text(columns: list[str], rows: list[list[str]], *, markdown: bool) -> str:
    """Format rows under columns, of which the first is left-aligned."""
    text: str = tabulate(
        rows,
        headers=columns,
        tablefmt="pipe" if markdown else "simple",
        disable_numparse=True,
        colalign=["left", *["right"] * (len(columns) - 1)],
    )
    return text
