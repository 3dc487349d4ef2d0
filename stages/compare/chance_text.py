"""Say of a comparison what its chance consists of, and what would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.compare.differences import BY_SUBJECTS
from stages.compare.figure_text import NOTHING, figure, table_text
from stages.compare.settling import MOST_SEEDS, MOST_SUBJECTS

TOLD_APART = ("accuracy", "roc_auc")
"""The metrics whose variance the text tells apart; JSON has all."""


def one_training(comparison: Mapping[str, Any]) -> list[str]:
    """Return the first line, where the figures know nothing of other trainings."""
    if comparison["chance"] != BY_SUBJECTS:
        return []
    sides = comparison["old"], comparison["new"]
    single = [side["revision"] for side in sides if len(side.get("seeds", [0])) == 1]
    return [
        f"One training of {'each' if len(single) > 1 else single[0]}: only the test cells' chance "
        "is in these figures, not that of another seed."
    ]


def chance_notes(comparison: Mapping[str, Any], *, markdown: bool) -> list[str]:
    """Return the notes on trainings: of cross-validations with several seeds on both sides."""
    if comparison["chance"] == BY_SUBJECTS:
        return []
    notes = []
    if told := _told_apart(comparison, markdown=markdown):
        notes += [
            told,
            "The standard deviation of the difference, told apart: between subjects, between "
            "seeds, and left over, which is of single seeds on single subjects. To settle: so many "
            "more seeds of each side, or subjects, and 4 of 5 comparisons would find this "
            f"difference, if it is true; {NOTHING} where neither {MOST_SEEDS} more seeds alone nor "
            f"{MOST_SUBJECTS:,} more subjects alone would.",
        ]
    notes.append(
        "A figure is the mean over a side's seeds. The seeds of both sides count as independent, "
        "also where they have the same numbers."
    )
    return notes


def _told_apart(comparison: Mapping[str, Any], *, markdown: bool) -> str | None:
    columns = [
        "metric",
        "by subjects",
        "by seeds",
        "left over",
        "seeds to settle",
        "subjects to settle",
    ]
    rows = []
    for name in TOLD_APART:
        row = comparison["metrics"][name]
        if "standard_deviation" not in row:
            continue
        rows.append(
            [
                name.replace("_", " "),
                *(figure(value) for value in row["standard_deviation"].values()),
                *_to_settle(row),
            ]
        )
    return table_text(columns, rows, markdown=markdown) if rows else None


def _to_settle(row: Mapping[str, Any]) -> list[str]:
    """Format how many more seeds and subjects a difference needs."""
    if "settle" not in row:
        return ["settled", "settled"]
    return [NOTHING if more is None else f"+{more:,}" for more in row["settle"].values()]
