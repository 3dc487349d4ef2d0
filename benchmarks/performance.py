"""All rows as docs/performance.json and docs/performance.md."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine_text
from benchmarks.reasons import REASONS
from benchmarks.rows import MISSED, NOT_MEASURED, Row, rows_table, ways_text
from stages.files import write_json, write_text

START = """# Performance

What `make bench` has measured: each row a ratio of two ways of doing the same thing, taken side by
side in one run, in turns, each round beginning with another; of medians, unless said otherwise. It
wrote this page, and `performance.json` with what every round took. No test depends on a time.
"""


@dataclass(frozen=True)
class Part:
    """What a part has found.

    Attributes:
        load: of the machine when it began, over the last minute.
        seconds: that it took, with making its data.
        rows: what it found.
    """

    load: float
    seconds: float
    rows: list[Row]


def read_parts(path: Path) -> dict[str, Part]:
    """Read the parts of a performance.json; none where there is no such file."""
    if not path.exists():
        return {}
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {
        name: Part(part["load"], part["seconds"], [Row(**row) for row in part["rows"]])
        for name, part in parts.items()
    }


def write_performance(folder: Path, machine: dict[str, Any], parts: Mapping[str, Part]) -> None:
    """Write performance.json and performance.md."""
    described = {name: dataclasses.asdict(part) for name, part in parts.items()}
    write_json({"machine": machine, "parts": described}, folder / "performance.json")
    write_text(page(machine, parts), folder / "performance.md")


def page(machine: dict[str, Any], parts: Mapping[str, Part]) -> str:
    """Return the page: the table, what misses its target, and how each figure was made."""
    rows = [row for part in parts.values() for row in part.rows]
    minutes = sum(part.seconds for part in parts.values()) / 60
    loads = ", ".join(f"{name} {part.load:.1f}" for name, part in parts.items())
    sections = [
        START,
        f"Machine: {machine_text(machine)}. Load when each part began: {loads}. "
        f"It took {minutes:.0f} minutes.\n",
        rows_table(rows) + "\n",
        "## What misses its target, and why\n",
        *_reasons(rows),
        "## How each figure was made\n",
        *(f"- **{row.part}**, against {row.against}: {row.how}{_ways(row)}" for row in rows),
    ]
    return "\n".join(sections) + "\n"


def _reasons(rows: list[Row]) -> list[str]:
    wanting = [row for row in rows if row.verdict in (MISSED, NOT_MEASURED)]
    if not wanting:
        return ["Nothing.\n"]
    lines = []
    for row in wanting:
        reason = row.why or REASONS.get((row.part, row.against), "no reason has been found yet")
        lines.append(f"- **{row.part}**, against {row.against}: {reason}.")
    return [*lines, ""]


def _ways(row: Row) -> str:
    return f" {ways_text(row)}." if row.ways else ""
