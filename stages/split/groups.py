"""Group the cells that a split must keep together: those of subjects that share images."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd


def subject_groups(cells: pd.DataFrame, identical: Iterable[list[str]]) -> list[str]:
    """Name the group of each cell: its subject and all that share images with it, also indirectly.

    Some images of C-NMC have two subject names, so a split by name alone still leaks. A cell of an
    unknown subject is in one group with the identical images alone.

    Args:
        cells: one row per cell, with columns `image`, `member` and `subject` (empty if unknown).
        identical: sets of members with identical pixels; each member is a row of `cells`.

    Returns:
        A name for each row of `cells`: the group's subjects, joined by `+` in the order of their
        numbers, patients first (`20+21`, `H2+H4+H5+H6`); if none is known, its first image.
    """
    owner_of = {
        member: (subject, "" if subject else image)
        for member, subject, image in cells[["member", "subject", "image"]].to_numpy()
    }
    group_of = {owner: {owner} for owner in owner_of.values()}
    for members in identical:
        merged = set().union(*(group_of[owner_of[member]] for member in members))
        group_of |= dict.fromkeys(merged, merged)
    names = {owner: _name(group) for owner, group in group_of.items()}
    return [names[owner_of[member]] for member in cells["member"]]


def _name(group: set[tuple[str, str]]) -> str:
    subjects = sorted({subject for subject, _ in group if subject}, key=_natural)
    return "+".join(subjects) or min(image for _, image in group)


def _natural(subject: str) -> list[str | int]:
    """Return a key that sorts by numbers: text and numbers take turns, text first."""
    parts = re.split(r"(\d+)", subject)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]
