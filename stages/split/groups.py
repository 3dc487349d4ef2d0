"""Group the subjects that share images, so that a split keeps them together."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd


def subject_groups(cells: pd.DataFrame, identical: Iterable[list[str]]) -> list[str]:
    """Name the group of each cell: its subject and all that share images with it, also indirectly.

    Some images of C-NMC have two subject names, so a split by name alone still leaks.

    Args:
        cells: one row per cell, with columns `member` and `subject`.
        identical: sets of members with identical bytes; each member is a row of `cells`.

    Returns:
        A name for each row of `cells`: the group's subjects, joined by `+` in the order of their
        numbers, patients first (`20+21`, `H2+H4+H5+H6`).
    """
    subject_of = dict(zip(cells["member"], cells["subject"], strict=True))
    group_of = {subject: {subject} for subject in subject_of.values()}
    for members in identical:
        merged = set().union(*(group_of[subject_of[member]] for member in members))
        group_of |= dict.fromkeys(merged, merged)
    names = {subject: "+".join(sorted(group, key=_natural)) for subject, group in group_of.items()}
    return [names[subject] for subject in cells["subject"]]


def _natural(subject: str) -> tuple[bool, int]:
    return subject.startswith("H"), int(subject.removeprefix("H"))
