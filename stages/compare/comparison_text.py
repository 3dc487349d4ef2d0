"""Format a comparison as text or Markdown: a table, and notes on what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.compare.chance_text import chance_notes, one_training
from stages.compare.differences import BY_SUBJECTS
from stages.compare.figure_text import NOTHING, figure, signed, span, table_text


def comparison_text(comparison: Mapping[str, Any], *, markdown: bool) -> str:
    """Format the result of `compared_parts.compare_part`: heading, table, notes."""
    old, new = comparison["old"], comparison["new"]
    data = " → ".join(dict.fromkeys((old["data"], new["data"])))
    heading = f"Data: {data}. {_named(old)} → {_named(new)}: {_cells(comparison)}"
    columns = ["metric", old["revision"], new["revision"], "difference", "95 % interval", "p", ""]
    rows = [
        [
            name.replace("_", " "),
            figure(row["old"]),
            figure(row["new"]),
            signed(row["difference"]),
            span(row["interval"]),
            figure(row["p_value"]),
            row["verdict"] or NOTHING,
        ]
        for name, row in comparison["metrics"].items()
    ]
    notes = [*chance_notes(comparison, markdown=markdown), *comparison_notes(comparison)]
    text = _join(heading, columns, rows, notes, markdown=markdown)
    return "\n\n".join([*one_training(comparison), text])


def comparison_notes(comparison: Mapping[str, Any]) -> list[str]:
    """Return the notes that a reader of the table needs."""
    old, new = comparison["old"], comparison["new"]
    notes = []
    if any(comparison["left_out"]):
        first, second = comparison["left_out"]
        notes.append(
            f"NOT THE SAME TEST CELLS: {first:,} of {old['revision']} and {second:,} of "
            f"{new['revision']} are left out; either model may have trained on some of the rest."
        )
    if old["archive"] != new["archive"]:
        notes.append(
            "NOT THE SAME ARCHIVE: cells of the same name may be other images (sha256 "
            f"{old['archive'][:8]}… and {new['archive'][:8]}…)."
        )
    if comparison.get("other_fold"):
        notes.append(
            f"NOT THE SAME FOLDS: {comparison['other_fold']:,} cells were tested in another one "
            f"({old['folds']} folds in {old['revision']}, {new['folds']} in {new['revision']}), "
            "by models that trained on other cells."
        )
    if old["threshold"] != new["threshold"]:
        notes.append(
            f"The thresholds differ: {old['threshold']} in {old['revision']}, {new['threshold']} "
            f"in {new['revision']}."
        )
    if "too_narrow" in comparison:
        reasons = "; ".join(comparison["too_narrow"])
        notes.append(f"READ WITH CARE: {reasons}. For the same reason p is too small.")
    notes += comparison.get("caution", [])
    if "undefined" in comparison:
        notes.append(f"What is missing: {'; '.join(comparison['undefined'])}.")
    unresolved = _unresolved(comparison["metrics"])
    if unresolved and comparison["chance"] == BY_SUBJECTS:
        notes.append(
            "These cells cannot resolve differences of this size (± half the interval's width; "
            f"one 1.4 times as wide would be found in about 4 of 5 comparisons): {unresolved}."
        )
    if None not in (old["operating_threshold"], new["operating_threshold"]):
        notes.append(
            "operating …: from the thresholds that validation chose, "
            f"{figure(old['operating_threshold'])} and {figure(new['operating_threshold'])}."
        )
    elif "operating_sensitivity" in comparison["metrics"]:
        notes.append(
            "operating …: each cell from the threshold that validation chose for its model."
        )
    notes.append(
        "One in twenty metrics of two equally good models would be told better or worse: name "
        "yours before you look."
    )
    return notes


def gap_text(gap: Mapping[str, Any], *, markdown: bool) -> str:
    """Format the result of `leakage_gap.gap`: heading, table, notes."""
    sides = gap["stratified"], gap["subject"]
    heading = "Split by image → by subject, all else equal" + "".join(
        f"{start} {_cells(side)}" for start, side in zip((":", " →"), sides, strict=True)
    )
    columns = ["metric", "by image", "by subject", "gap", "95 % interval"]
    rows = [
        [
            name.replace("_", " "),
            figure(row["stratified"]),
            figure(row["subject"]),
            signed(row["gap"]),
            span(row["interval"]),
        ]
        for name, row in gap["metrics"].items()
    ]
    notes = [f"What is missing: {'; '.join(gap['undefined'])}."] if "undefined" in gap else []
    notes.append(
        "Other test cells on either side: the intervals are of resamples independent of each "
        "other. One training each: how much another seed would change is not in them."
    )
    return _join(f"Data: {gap['data']}. {heading}", columns, rows, notes, markdown=markdown)


def _named(side: Mapping[str, Any]) -> str:
    if "seeds" not in side:
        return str(side["revision"])
    plural = "s" * (len(side["seeds"]) > 1)
    return f"{side['revision']} (seed{plural} {', '.join(map(str, side['seeds']))})"


def _cells(counts: Mapping[str, Any]) -> str:
    subjects = counts["subjects"]
    of = "subjects that are not known" if subjects is None else f"{subjects:,} subjects"
    part = counts.get("part", "test").replace("out_of_fold", "out-of-fold")
    return f"{counts['cells']:,} {part} cells of {of}"


def _unresolved(metrics: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {signed(row['difference'])} "
        f"(± {figure((row['interval'][1] - row['interval'][0]) / 2)})"
        for name, row in metrics.items()
        if row["verdict"] == "unresolved"
    )


def _join(
    heading: str, columns: list[str], rows: list[list[str]], notes: list[str], *, markdown: bool
) -> str:
    table = table_text(columns, rows, markdown=markdown)
    return "\n\n".join([f"**{heading}**" if markdown else heading, table, *notes])
