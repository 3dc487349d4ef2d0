"""Divide the cells into folds: by subject, by the archive's own folds, or by image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from stages.common.errors import StageError
from stages.cross_validation.params import CrossValidationParams
from stages.dataset.group_search import IntArray
from stages.dataset.subject_groups import (
    count_cells,
    count_groups,
    missing_classes,
    place_cells,
    require_subjects,
)

SEED = 123
"""No parameter, so that models of other seeds are tested in the same folds."""

_FEWEST_FOLDS = 3  # one each for test, validation and training


def assign_folds(cells: pd.DataFrame, params: CrossValidationParams) -> list[int]:
    """Return the number of each cell's fold, from 1; the order of the rows does not matter.

    Args:
        cells: one row per cell, with columns `image` (unique), `label`, `subject`, `group`, `fold`.
        params: the strategy, and the numbers of the folds.

    Raises:
        StageError: if a fold would be without cells of a class; by subject also if a subject is
            unknown, or a class has fewer groups of subjects than there are folds; with official
            folds also if a cell has none, or there is another number of them.
    """
    ordered = cells.sort_values("image")
    count = len(params.folds)
    if params.strategy == "subject":
        numbers = _by_subject(ordered, count)
    elif params.strategy == "official":
        numbers = _official(ordered, count)
    else:
        numbers = _by_image(ordered, count)
    _require_every_class(numbers, ordered["label"], count)
    return pd.Series(numbers, index=ordered.index).reindex(cells.index).tolist()


def _by_subject(cells: pd.DataFrame, count: int) -> list[int]:
    require_subjects(cells, section="cross_validation")
    counts = count_cells(cells)
    _require_groups(count_groups(counts), count)
    targets = _shares(counts.sum(axis=0).to_numpy(np.int64), count)
    placed = place_cells(cells, counts, targets=targets, share=count, seed=SEED)
    return [part + 1 for part in placed]


def _require_groups(groups: dict[str, int], count: int) -> None:
    name = min(groups, key=lambda name: groups[name])
    if (found := groups[name]) >= count:
        return
    remedy = f"list at most {found} folds" if found >= _FEWEST_FOLDS else "3 folds are the fewest"
    raise StageError(
        f"cross_validation.folds lists {count} folds, but the {name} cells are of {found} groups "
        f"of subjects, and each fold needs one (subjects that share an image are one group); "
        f"{remedy}, or use an archive with more subjects"
    )


def _shares(totals: IntArray, count: int) -> IntArray:
    """Return the wanted number of cells of each class in each fold: int64, (folds, classes)."""
    ends = np.arange(count + 1, dtype=np.int64)[:, np.newaxis] * totals // count
    return np.diff(ends, axis=0)


def _official(cells: pd.DataFrame, count: int) -> list[int]:
    missing = cells.loc[cells["fold"] == "", "image"]
    if len(missing):
        raise StageError(
            f"cross_validation.strategy is official, but {len(missing):,} of {len(cells):,} cells "
            f"have no fold (first: {missing.iloc[0]}); give a column fold in a metadata.csv, or "
            "set cross_validation.strategy to subject (to stratified where subjects are not known) "
            "in params.yaml"
        )
    names = sorted(cells["fold"].unique())
    if len(names) != count:
        raise StageError(
            f"cross_validation.strategy is official, and the archive has the folds "
            f"{', '.join(names)}, but cross_validation.folds lists {count}; expected "
            f"{[*range(1, len(names) + 1)]}"
        )
    return [names.index(name) + 1 for name in cells["fold"]]


def _by_image(cells: pd.DataFrame, count: int) -> list[int]:
    labels = cells["label"].to_numpy()
    if (fewest := int(cells["label"].value_counts().min())) < count:
        raise StageError(
            f"cross_validation.folds asks for {count} folds, but a class has {fewest:,} cells; "
            "list fewer folds, or use an archive with more cells"
        )
    numbers = np.zeros(len(cells), np.int64)
    divided = StratifiedKFold(count, shuffle=True, random_state=SEED)
    for number, (_, tested) in enumerate(divided.split(labels, labels), 1):
        numbers[tested] = number
    return numbers.tolist()


def _require_every_class(numbers: list[int], labels: pd.Series, count: int) -> None:
    lacking = [
        f"fold {number} would have no {name} cells"
        for number, name in missing_classes(numbers, labels, expected=range(1, count + 1))
    ]
    if lacking:
        raise StageError(
            f"{', '.join(lacking)}: each fold needs cells of both classes; list fewer folds in "
            "cross_validation.folds, or set another cross_validation.strategy"
        )
