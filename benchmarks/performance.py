"""Write all rows to docs/performance.json and docs/performance.md."""

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
from stages.common.files import write_json, write_text

START = """# Performance

What `make bench` has measured: each row a ratio of two ways of doing the same thing, taken side by
side in one run, in turns, each round beginning with another; of the medians of at least five
rounds, unless the row says that it is of one. It wrote this page, and `performance.json` with what
every round took. No test depends on a time.
"""


@dataclass(frozen=True)
class Part:
    """The results of a part.

    Attributes:
        load: of the machine at the start, over the last minute.
        seconds: duration, including the making of its data.
        rows: its results.
        machine: the result of `machine`.
        commit: of the code.
    """

    load: float
    seconds: float
    rows: list[Row]
    machine: dict[str, Any]
    commit: str


def read_parts(path: Path) -> dict[str, Part]:
    """Read the parts of a performance.json; none where there is no such file."""
    if not path.exists():
        return {}
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {
        name: Part(**{**part, "rows": [Row(**row) for row in part["rows"]]})
        for name, part in parts.items()
    }


def write_performance(folder: Path, parts: Mapping[str, Part]) -> None:
    """Write performance.json and performance.md."""
    described = {name: dataclasses.asdict(part) for name, part in parts.items()}
    write_json({"parts": described}, folder / "performance.json")
    write_text(page(parts), folder / "performance.md")


def page(parts: Mapping[str, Part]) -> str:
    """Return the page: the table, the missed targets, and how each figure was made."""
    rows = [row for part in parts.values() for row in part.rows]
    sections = [
        START,
        *_taken_on(parts),
        rows_table(rows) + "\n",
        "## What misses its target, and why\n",
        *_reasons(rows),
        "## How each figure was made\n",
        *(f"- **{row.part}**, against {row.against}: {row.how}{_ways(row)}" for row in rows),
    ]
    return "\n".join(sections) + "\n"


def _taken_on(parts: Mapping[str, Part]) -> list[str]:
    """Return one paragraph per machine and commit."""
    alike: dict[str, dict[str, Part]] = {}
    for name, part in parts.items():
        taken_on = f"{machine_text(part.machine)}, at commit {part.commit}"
        alike.setdefault(taken_on, {})[name] = part
    return [
        f"Machine: {taken_on}. Load when each part began: "
        + ", ".join(f"{name} {part.load:.1f}" for name, part in found.items())
        + f". It took {sum(part.seconds for part in found.values()) / 60:.0f} minutes.\n"
        for taken_on, found in alike.items()
    ]


def _reasons(rows: list[Row]) -> list[str]:
    wanting = [row for row in rows if row.verdict in (MISSED, NOT_MEASURED)]
    if not wanting:
        return ["Nothing.\n"]
    lines = ["Milli- and microseconds in the reasons are of 2 cores of an AMD EPYC.\n"]
    for row in wanting:
        reason = row.why or REASONS.get((row.part, row.against), "no reason has been found yet")
        lines.append(f"- **{row.part}**, against {row.against}: {reason}.")
    return [*lines, ""]


def _ways(row: Row) -> str:
    return f" {ways_text(row)}." if row.ways else ""
