"""Report the parts of a split, their deviation from the parameters, and the leakage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stages.dataset.cell_table import SPLITS
from stages.dataset.classes import CLASS_NAMES
from stages.split.params import SplitParams

_DECIMALS = 4  # of shares: a hundredth of a percentage point


def split_report(
    cells: pd.DataFrame, params: SplitParams, *, identical: Iterable[list[str]]
) -> dict[str, Any]:
    """Describe a split. Every value except the name of the strategy is a finite number.

    Args:
        cells: the table of cells, including external ones.
        params: the parameters of the split.
        identical: sets of members with identical bytes.

    Returns:
        `strategy`; for each of SPLITS its number of cells and subjects and, if it has cells, the
        share of each class; `deviation_points`: the largest difference, in percentage points, of
        train, val and test from their share of the cells (`size`) and from the class ratio of all
        of them (`class_share`); `test_cells_known_by`: the share of the test cells with a training
        cell of the same subject, and of the same microscope field; `leakage`: how many subjects,
        microscope fields and distinct images are in more than one of SPLITS.
    """
    return {
        "strategy": params.strategy,
        **{name: _part(cells[cells["split"] == name]) for name in SPLITS},
        "deviation_points": _deviation_points(cells[cells["split"] != "external"], params),
        "test_cells_known_by": _known_from_training(cells),
        "leakage": _leakage(cells, identical),
    }


def _part(cells: pd.DataFrame) -> dict[str, int | float]:
    described: dict[str, int | float] = {
        "cells": len(cells),
        "subjects": int(cells["subject"].nunique()),
    }
    if len(cells):
        for name in CLASS_NAMES:
            described[f"{name}_share"] = _share((cells["label"] == name).sum(), len(cells))
    return described


def _deviation_points(cells: pd.DataFrame, params: SplitParams) -> dict[str, float]:
    asked = {"val": params.validation_share, "test": params.test_share}
    asked["train"] = 1 - sum(asked.values())
    positive = cells["label"] == CLASS_NAMES[1]
    sizes, classes = [], []
    for name, share in asked.items():
        inside = cells["split"] == name
        sizes.append(abs(inside.sum() / len(cells) - share))
        classes.append(abs(positive[inside].sum() / inside.sum() - positive.sum() / len(cells)))
    return {"size": _points(max(sizes)), "class_share": _points(max(classes))}


def _known_from_training(cells: pd.DataFrame) -> dict[str, float]:
    train, test = (cells[cells["split"] == name] for name in ("train", "test"))
    subjects = test["subject"].isin(train["subject"])
    fields = _fields(test).isin(_fields(train))
    return {
        "subject": _share(subjects.sum(), len(test)),
        "field": _share(fields.sum(), len(test)),
    }


def _leakage(cells: pd.DataFrame, identical: Iterable[list[str]]) -> dict[str, int]:
    split_of = dict(zip(cells["member"], cells["split"], strict=True))
    return {
        "subjects": _in_several_parts(cells["subject"], cells["split"]),
        "fields": _in_several_parts(_fields(cells), cells["split"]),
        "identical_images": sum(
            len({split_of[member] for member in members}) > 1 for members in identical
        ),
    }


def _in_several_parts(names: pd.Series, splits: pd.Series) -> int:
    pairs = pd.DataFrame({"name": names, "split": splits}).drop_duplicates()
    return int(pairs.loc[pairs["name"].duplicated(), "name"].nunique())


def _fields(cells: pd.DataFrame) -> pd.Series:
    return cells["subject"] + "_" + cells["field"].astype(str)


def _share(count: int, of: int) -> float:
    return round(int(count) / of, _DECIMALS)


def _points(share: float) -> float:
    return round(100 * float(share), _DECIMALS - 2)
