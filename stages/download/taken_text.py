"""Say what was brought in: the counts for the report, and the line of the stage."""

from __future__ import annotations

from typing import Any

from stages.download.bring_set import Taken
from stages.download.pack_own_set import OwnSet
from stages.download.verification import Verified


def taken_counts(taken: Taken) -> dict[str, Any]:
    """Return how much was taken, for the report."""
    if not isinstance(taken, OwnSet):
        return {"files": taken.files}
    (narrowest, widest), (lowest, highest) = taken.sizes
    return {
        "images": len(taken.table),
        "classes": taken.classes,
        "other_files": taken.other_files,
        "width": {"least": narrowest, "most": widest},
        "height": {"least": lowest, "most": highest},
    }


def taken_text(content: dict[str, Any], taken: Taken) -> str:
    """Return what was taken in words; `content` is its section of the report."""
    told = _own(taken) if isinstance(taken, OwnSet) else _kaggle(content, taken)
    known = f"{_known(content, taken)}, " if isinstance(taken, Verified) else ""
    size = f"{content['bytes'] / 1e6:,.1f} MB"
    return f"{told}, {size}, {known if not content['synthetic'] else ''}source {content['source']}"


def _kaggle(content: dict[str, Any], verified: Verified) -> str:
    cells = verified.cells
    training = cells.loc[cells["fold"] != "preliminary", "label"]
    return (
        f"{len(cells):,} {'synthetic ' if content['synthetic'] else ''}images "
        f"({(training == 'all').sum():,} ALL, {(training == 'hem').sum():,} HEM, "
        f"{len(cells) - len(training):,} preliminary)"
    )


def _known(content: dict[str, Any], verified: Verified) -> str:
    if content["verified"]:
        return f"verified as {content['inventory']}"
    return f"not verified as {content['inventory']} ({verified.differences[0]})"


def _own(own: OwnSet) -> str:
    (narrowest, widest), (lowest, highest) = own.sizes
    ignored = sum(own.classes["ignored"].values())
    return (
        f"{len(own.table):,} images ({_classes(own, 'all')}; {_classes(own, 'hem')}), "
        f"{ignored:,} ignored, {own.other_files:,} other files, recognized as {own.layout}"
        f"{_columns(own)}, {narrowest:,} to {widest:,} px wide and {lowest:,} to {highest:,} high"
        f"{_twins(own)}"
    )


def _classes(own: OwnSet, label: str) -> str:
    """Say how many images of a class there are, and what the set calls them."""
    counts = own.classes[label]
    named = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    told = "" if [name.lower() for name in counts] == [label] else f": {named}"
    return f"{sum(counts.values()):,} {label.upper()}{told}"


def _twins(own: OwnSet) -> str:
    count, paths = own.twins
    if not count:
        return ""
    return (
        f", {count:,} with the name of another of their class, but for a word, as "
        f"{' and '.join(paths)}: where these are copies of one picture, take one kind: name its "
        "folder as the source, or write a metadata.csv"
    )


def _columns(own: OwnSet) -> str:
    others = [str(column) for column in own.table if column not in ("file_name", "label")]
    return f" with {', '.join(others)}" if others else ""
