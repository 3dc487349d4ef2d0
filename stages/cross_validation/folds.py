"""DVC stage folds: divide the cells into folds, and list the cells of each fold's models."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

if __name__ == "__main__":
    explain_missing_packages()
    set_numpy_environment()  # before NumPy is imported

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import atomic_path, write_json
from stages.common.stage_entry import run_stage
from stages.cross_validation.assign_folds import assign_folds
from stages.cross_validation.params import CrossValidationParams
from stages.dataset.cell_table import read_cells, write_cells
from stages.dataset.classes import CLASS_NAMES

_PARTS = ("test", "val", "train")
"""Of images with identical pixels in several parts, the first of these keeps them."""


def folds(
    params: CrossValidationParams,
    *,
    cells_csv: Path,
    identical_csv: Path,
    folds: Path,
    report: Path,
) -> str:
    """Write a table of cells for each fold: `fold-<number>.csv`, as train reads it.

    The fold is the test part, the next one (after the last the first) the validation part, and the
    others are the training part.

    Raises:
        StageError: if the cells cannot be divided in this way; see assign_folds.py.
    """
    cells = read_cells(cells_csv)
    cells["test_fold"] = assign_folds(cells, params)
    identical = _identical_sets(identical_csv, cells)
    left_out = {}
    with atomic_path(folds) as made:
        made.mkdir()
        for fold in params.folds:
            table = parts_of_fold(cells, fold, count=len(params.folds))
            if params.strategy == "official":
                kept = without_known_images(table, identical)
                left_out[fold] = len(table) - len(kept)
                table = kept
            write_cells(table, made / f"fold-{fold}.csv")
    described = _describe(cells, params, identical=identical, left_out=left_out)
    write_json(described, report)
    sizes = ", ".join(f"{fold['cells']:,}" for fold in described["folds"].values())
    return (
        f"{len(params.folds)} folds of {sizes} cells by strategy {params.strategy}; "
        f"{_or_unknown(described['subjects_in_several_folds'])} subjects and "
        f"{described['identical_images_in_several_folds']:,} identical images in more than one → "
        f"{folds}"
    )


def parts_of_fold(cells: pd.DataFrame, fold: int, *, count: int) -> pd.DataFrame:
    """Return the cells with their `split` for the models that are tested on a fold.

    Args:
        cells: with the number of each cell's fold in `test_fold`, from 1 to `count`.
        fold: the number of the tested fold.
        count: the number of folds.
    """
    validation = fold % count + 1
    names = {fold: "test", validation: "val"}
    split = [names.get(number, "train") for number in cells["test_fold"]]
    return cells.drop(columns="test_fold").assign(split=split)


def without_known_images(cells: pd.DataFrame, identical: Sequence[list[str]]) -> pd.DataFrame:
    """Leave out of training, and of validation, the images that a later part has, too."""
    split_of = dict(zip(cells["image"], cells["split"], strict=True))
    left_out: set[str] = set()
    for images in identical:
        keeps = next(part for part in _PARTS if part in {split_of[image] for image in images})
        left_out |= {image for image in images if split_of[image] != keeps}
    return cells[~cells["image"].isin(left_out)]


def _identical_sets(path: Path, cells: pd.DataFrame) -> list[list[str]]:
    try:
        table = pd.read_csv(path, dtype={"image": "str"})
        sets: list[list[str]] = table.groupby("identical_set")["image"].agg(list).tolist()
    except (OSError, ValueError, KeyError) as error:
        raise StageError(
            f"{path} cannot be read ({' '.join(str(error).split())}); make it again with `dvc "
            "repro --force --single-item split`"
        ) from error
    if unknown := {image for images in sets for image in images} - set(cells["image"]):
        raise StageError(
            f"{path}: {min(unknown)} is no cell of the archive; make it again with `dvc repro "
            "--force --single-item split`"
        )
    return sets


def _describe(
    cells: pd.DataFrame,
    params: CrossValidationParams,
    *,
    identical: Sequence[list[str]],
    left_out: dict[int, int],
) -> dict[str, Any]:
    fold_of = dict(zip(cells["image"], cells["test_fold"], strict=True))
    known = (cells["subject"] != "").all()
    folds_of_subject = cells.groupby("subject")["test_fold"].nunique()
    return {
        "strategy": params.strategy,
        "folds": {
            f"fold_{fold}": _fold(cells[cells["test_fold"] == fold], known=bool(known))
            | ({"identical_images_left_out": left_out[fold]} if left_out else {})
            for fold in params.folds
        },
        "subjects_in_several_folds": int((folds_of_subject > 1).sum()) if known else None,
        "identical_images_in_several_folds": sum(
            len({fold_of[image] for image in images}) > 1 for images in identical
        ),
    }


def _fold(cells: pd.DataFrame, *, known: bool) -> dict[str, Any]:
    shares = {
        f"{name}_share": round(float((cells["label"] == name).mean()), 4) for name in CLASS_NAMES
    }
    return {"cells": len(cells), "subjects": cells["subject"].nunique() if known else None} | shares


def _or_unknown(count: int | None) -> str:
    return "an unknown number of" if count is None else f"{count:,}"


if __name__ == "__main__":
    run_stage(folds)
