"""Results of a benchmark: a row for each comparison, with its target and verdict."""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.common.files import write_json

NO_TORCH = (
    "PyTorch is not installed (`.venv/bin/python -m pip install torch==2.13.0`, and make it again)"
)
MET, MISSED, NOT_MEASURED, NO_TARGET = "met", "**missed**", "not measured", "–"


@dataclass(frozen=True)
class Row:
    """A comparison.

    Attributes:
        part: the measured part of the project.
        against: the other side of the comparison.
        how: in a sentence or two, what was timed: sizes, rounds.
        ratio: of the two, in the direction of the target; None if it was not measured.
        target: {"at_least": x} or {"at_most": x}; None if none is set.
        ways: the values of the rounds, by the name of the way.
        unit: of `ways`.
        why: the reason, if the target is missed or nothing was measured.
    """

    part: str
    against: str
    how: str
    ratio: float | None
    target: Mapping[str, float] | None = None
    ways: Mapping[str, list[float]] = field(default_factory=dict)
    unit: str = "s"
    why: str = ""

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.ratio is None:
            return NOT_MEASURED
        if self.target is None:
            return NO_TARGET
        [(kind, bound)] = self.target.items()
        met = {"at_least": self.ratio >= bound, "at_most": self.ratio <= bound}[kind]
        return MET if met else MISSED


def part_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every part. Parts that run once ignore --rounds."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", type=Path, help="where the rows go")
    parser.add_argument("--folder", type=Path, help="where data is kept for the next time")
    parser.add_argument("--rounds", type=int, default=5, help="runs in each way")
    return parser


def tell(rows: Sequence[Row], path: Path | None) -> None:
    """Print rows as a table, and write them to a file if there is one."""
    print(rows_table(rows), flush=True)
    if path:
        write_json({"rows": [dataclasses.asdict(row) for row in rows]}, path)


def read_rows(path: Path) -> list[Row]:
    """Read what `tell` wrote."""
    content: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return [Row(**row) for row in content["rows"]]


def rows_table(rows: Sequence[Row]) -> str:
    """Return rows as Markdown."""
    lines = ["| part | against | target | ratio | verdict |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        ratio = NO_TARGET if row.ratio is None else f"{row.ratio:.2f}"
        cells = (row.part, row.against, target_text(row.target), ratio, row.verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def target_text(target: Mapping[str, float] | None) -> str:
    """Return a target as text."""
    if target is None:
        return NO_TARGET
    [(kind, bound)] = target.items()
    return f"{'≥' if kind == 'at_least' else '≤'} {bound:g}"


def ways_text(row: Row) -> str:
    """Return the median and range of each way as text."""
    return "; ".join(
        f"{name} {statistics.median(values):,.2f} {row.unit} "
        f"({min(values):,.2f} to {max(values):,.2f})"
        for name, values in row.ways.items()
    )
