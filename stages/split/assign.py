"""Divide the training cells into train, val and test, by image or by subject."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from stages.common.errors import StageError
from stages.dataset.cell_table import SPLITS
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.group_search import IntArray
from stages.dataset.subject_groups import (
    count_cells,
    count_groups,
    missing_classes,
    place_cells,
    require_subjects,
)
from stages.split.params import SplitParams


def assign_parts(cells: pd.DataFrame, params: SplitParams) -> list[str]:
    """Assign each cell to train, val or test; the order of the rows does not matter.

    Args:
        cells: one row per cell, with columns `image` (unique), `label`, `subject` and `group`.
        params: the strategy, the shares of val and test in (0, 1), and the seed of scikit-learn's
            shuffle or of the search.

    Returns:
        The part of each row; every part holds cells of every class.

    Raises:
        StageError: if the shares leave nothing for training, or if there are too few cells (by
            subject: too few groups of subjects) to put every class into every part; by subject, if
            one is unknown.
    """
    held_out = _held_out_share(params)
    ordered = cells.sort_values("image")
    if params.strategy == "subject":
        require_subjects(ordered, section="split")
        parts = _by_subject(ordered, params)
    else:
        parts = _stratified(ordered, params, held_out=held_out)
    _require_every_class(parts, ordered["label"], params)
    return pd.Series(parts, index=ordered.index).reindex(cells.index).tolist()


def _held_out_share(params: SplitParams) -> float:
    share = round(params.validation_share + params.test_share, 9)
    if share >= 1:
        raise StageError(
            f"split.validation_share {params.validation_share} and split.test_share "
            f"{params.test_share} sum to {share}, expected less than 1, for cells to train on; "
            "lower one in params.yaml"
        )
    return share


def _stratified(cells: pd.DataFrame, params: SplitParams, *, held_out: float) -> list[str]:
    """Split by image, stratified by class: first train from the rest, then val from test."""
    labels = cells["label"].to_numpy()
    rest_size = _whole_cells(held_out * len(cells))
    test_size = _whole_cells(params.test_share / held_out * rest_size)
    try:
        train, rest = train_test_split(
            np.arange(len(cells)), test_size=rest_size, stratify=labels, random_state=params.seed
        )
        val, test = train_test_split(
            rest, test_size=test_size, stratify=labels[rest], random_state=params.seed
        )
    except ValueError as error:
        raise _too_few(cells["label"], params, reason=str(error)) from error
    parts = np.empty(len(cells), object)
    for name, rows in zip(SPLITS, (train, val, test), strict=True):
        parts[rows] = name
    return list(parts)


def _whole_cells(cells: float) -> int:
    """Round up as scikit-learn does, but ignore float error: (0.1 + 0.2) × 100 is above 30."""
    return math.ceil(round(cells, 6))


def _by_subject(cells: pd.DataFrame, params: SplitParams) -> list[str]:
    """Assign whole groups to parts. The search brings each class near its shares."""
    counts = count_cells(cells)
    _require_groups(count_groups(counts))
    placed = place_cells(
        cells,
        counts,
        targets=_targets(counts.sum(axis=0).to_numpy(np.int64), params),
        share=4,  # so that about half of the groups are left for training
        seed=params.seed,
    )
    return [SPLITS[part] for part in placed]


def _require_groups(groups: dict[str, int]) -> None:
    for name, count in groups.items():
        if count < len(SPLITS):
            raise StageError(
                f"split.strategy is subject, but the {name} cells are of {count} groups of "
                f"subjects; expected {len(SPLITS)} or more, one each for {', '.join(SPLITS)} "
                "(subjects that share an image are one group); set split.strategy to stratified "
                "in params.yaml, or use an archive with more subjects"
            )


def _targets(totals: IntArray, params: SplitParams) -> IntArray:
    """Return the target number of cells of each class in each part: int64, (parts, classes)."""
    val, test = (
        np.array([round(share * total) for total in totals.tolist()])
        for share in (params.validation_share, params.test_share)
    )
    return np.array([totals - val - test, val, test])


def _require_every_class(parts: list[str], labels: pd.Series, params: SplitParams) -> None:
    if lacking := lacking_classes(parts, labels):
        raise _too_few(labels, params, reason=", ".join(lacking))


def lacking_classes(parts: list[str], labels: pd.Series) -> list[str]:
    """Return a part of a sentence for each part and class of which there are no cells."""
    return [
        f"{part} would have no {name}"
        for part, name in missing_classes(parts, labels, expected=SPLITS)
    ]


def _too_few(labels: pd.Series, params: SplitParams, *, reason: str) -> StageError:
    found = " and ".join(f"{(labels == name).sum():,} {name}" for name in CLASS_NAMES)
    return StageError(
        f"{found} cells are too few to put both classes into {', '.join(SPLITS)} with "
        f"split.validation_share {params.validation_share} and split.test_share "
        f"{params.test_share} ({reason}); make the smallest part larger in params.yaml, or use an "
        "archive with more cells"
    )
