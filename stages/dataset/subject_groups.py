"""Groups of subjects, which stand together in one part: the cells of each, and where they go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.group_search import IntArray, place_groups

_FEWEST_GROUPS = 5  # per class and part; with fewer, an interval clustered by subject says little


def require_subjects(cells: pd.DataFrame, *, section: str) -> None:
    """Check that the subject of each cell is known; `section` of params.yaml has the strategy.

    Raises:
        StageError: if not, with the number of unknown ones and the first.
    """
    unknown = cells.loc[cells["subject"] == "", "image"]
    if len(unknown):
        raise StageError(
            f"{section}.strategy is subject, but the subject of {len(unknown):,} of "
            f"{len(cells):,} cells is not known (first: {unknown.iloc[0]}); give subjects in a "
            f"metadata.csv, or set {section}.strategy to stratified in params.yaml, which cannot "
            "keep people apart"
        )


def count_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the number of cells of each class, a column each, by group."""
    table = pd.crosstab(cells["group"], cells["label"])
    return table.reindex(columns=list(CLASS_NAMES), fill_value=0)


def count_groups(counts: pd.DataFrame) -> dict[str, int]:
    """Return how many groups have cells of a class, for each class; `counts` of `count_cells`."""
    return {name: int((counts[name] > 0).sum()) for name in CLASS_NAMES}


def place_cells(
    cells: pd.DataFrame, counts: pd.DataFrame, *, targets: IntArray, share: int, seed: int
) -> list[int]:
    """Assign whole groups to parts, so that each class comes near its targets.

    Args:
        cells: one row per cell, with column `group`.
        counts: of `count_cells`.
        targets: int64, (parts, classes): the wanted number of cells of each class in each part.
        share: each part needs a `share`-th of the groups of a class, but no more than 5.
        seed: of the search.

    Returns:
        The index of each cell's part.
    """
    groups = np.array([*count_groups(counts).values()], np.int64)
    placed = place_groups(
        counts.to_numpy(np.int64),
        targets=targets,
        fewest_groups=np.clip(groups // share, 1, _FEWEST_GROUPS),
        seed=seed,
    )
    part_of = dict(zip(counts.index, placed.tolist(), strict=True))
    return [part_of[group] for group in cells["group"]]


def missing_classes(
    parts: Sequence[object], labels: pd.Series, *, expected: Sequence[object]
) -> list[tuple[object, str]]:
    """Return each of the expected parts and class of which there are no cells."""
    present = set(zip(parts, labels, strict=True))
    return [
        (part, name) for part in expected for name in CLASS_NAMES if (part, name) not in present
    ]
