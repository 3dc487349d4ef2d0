"""Report the parts of a split, their deviation from the parameters, and the leakage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from stages.dataset.cell_table import PRELIMINARY, SPLITS, external_parts
from stages.dataset.classes import CLASS_NAMES
from stages.split.params import SplitParams

_DECIMALS = 4  # of shares: a hundredth of a percentage point


def split_report(
    cells: pd.DataFrame,
    params: SplitParams,
    *,
    identical: Iterable[list[str]],
    near_identical: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Describe a split. Every value except the name of the strategy is a finite number, or None.

    None stands for what is unknown: what subjects would say where one of them is unknown, and the
    same of microscope fields.

    Args:
        cells: the table of cells, including those of the external sets; `member` is a name that
            no other cell has.
        params: the parameters of the split.
        identical: sets of members with identical pixels.
        near_identical: pairs of members that look the same.

    Returns:
        `strategy`; for each of SPLITS and of the external sets its number of cells and subjects
        and, if it has cells, the share of each class; `deviation_points`: the largest difference,
        in percentage points, of train, val and test from their share of the cells (`size`) and from
        the class ratio of all of them (`class_share`), unless the split was given;
        `test_cells_known_by`: the share of the test cells with a training cell of the same subject,
        and of the same microscope field; `leakage`: how many subjects, microscope fields and
        distinct images are in more than one part; `near_identical_pairs`: how many there are, and
        how many of them are in two parts. An external set of another source also has the number of
        its images that are, and that look like, images of SPLITS. Its subjects and fields do not
        count as leakage: their names say nothing about those of another source.
    """
    return {
        "strategy": params.strategy,
        **{name: _part(cells[cells["split"] == name]) for name in SPLITS},
        **{
            name: _part(cells[cells["split"] == name])
            | ({} if name == PRELIMINARY else _in_training(cells, name, identical, near_identical))
            for name in external_parts(cells)
        },
        "deviation_points": {}
        if params.strategy == "given"
        else _deviation_points(cells[cells["split"].isin(SPLITS)], params),
        "test_cells_known_by": _known_from_training(cells),
        "leakage": _leakage(cells, identical),
        "near_identical_pairs": {
            "found": len(near_identical),
            "in_two_parts": _in_two_parts(cells, near_identical),
        },
    }


def _part(cells: pd.DataFrame) -> dict[str, int | float | None]:
    known = _all_known(cells["subject"])
    described: dict[str, int | float | None] = {
        "cells": len(cells),
        "subjects": int(cells["subject"].nunique()) if known else None,
    }
    if len(cells):
        for name in CLASS_NAMES:
            described[f"{name}_share"] = _share((cells["label"] == name).sum(), len(cells))
    return described


def _in_training(
    cells: pd.DataFrame,
    name: str,
    identical: Iterable[list[str]],
    near_identical: Sequence[tuple[str, str]],
) -> dict[str, int]:
    own = set(cells.loc[cells["split"] == name, "member"])
    ours = set(cells.loc[cells["split"].isin(SPLITS), "member"])

    def count(groups: Iterable[Sequence[str]]) -> int:
        return len({name for alike in groups if ours & {*alike} for name in alike if name in own})

    return {
        "images_in_training": count(identical),
        "images_like_training": count(near_identical),
    }


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


def _known_from_training(cells: pd.DataFrame) -> dict[str, float | None]:
    train, test = (cells[cells["split"] == name] for name in ("train", "test"))
    both = pd.concat([train, test])

    def known(column: str, names: Callable[[pd.DataFrame], pd.Series]) -> float | None:
        if not _all_known(both[column]):
            return None
        return _share(names(test).isin(names(train)).sum(), len(test))

    return {"subject": known("subject", _subjects), "field": known("field", _fields)}


def _leakage(cells: pd.DataFrame, identical: Iterable[list[str]]) -> dict[str, int | None]:
    split_of = dict(zip(cells["member"], cells["split"], strict=True))
    one_source = cells[cells["split"].isin([*SPLITS, PRELIMINARY])]

    def leaking(column: str, names: Callable[[pd.DataFrame], pd.Series]) -> int | None:
        if not _all_known(one_source[column]):
            return None
        return _in_several_parts(names(one_source), one_source["split"])

    return {
        "subjects": leaking("subject", _subjects),
        "fields": leaking("field", _fields),
        "identical_images": sum(
            len({split_of[member] for member in members}) > 1 for members in identical
        ),
    }


def _in_several_parts(names: pd.Series, splits: pd.Series) -> int:
    pairs = pd.DataFrame({"name": names, "split": splits}).drop_duplicates()
    return int(pairs.loc[pairs["name"].duplicated(), "name"].nunique())


def _in_two_parts(cells: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> int:
    split_of = dict(zip(cells["member"], cells["split"], strict=True))
    return sum(split_of[one] != split_of[other] for one, other in pairs)


def _all_known(values: pd.Series) -> bool:
    return bool((values != "").all())


def _subjects(cells: pd.DataFrame) -> pd.Series:
    return cells["subject"]


def _fields(cells: pd.DataFrame) -> pd.Series:
    return cells["subject"] + "_" + cells["field"]


def _share(count: int, of: int) -> float:
    return round(int(count) / of, _DECIMALS)


def _points(share: float) -> float:
    return round(100 * float(share), _DECIMALS - 2)
