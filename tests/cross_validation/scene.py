"""A small table of cells in folds, and members that have predicted them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from stages.common.files import file_sha256
from stages.cross_validation.folds import parts_of_fold
from stages.cross_validation.members import member_name
from stages.cross_validation.params import CrossValidationParams
from stages.dataset.cell_table import write_cells

FOLDS, SEEDS = [1, 2, 3], [1, 2]
TRAIN = {
    "best_epoch": 2,
    "epochs": 3,
    "val_accuracy": 0.9,
    "device": "CPU",
    "threads": 2,
    "settings_sha256": "alike",
    "cells": {"crop_size": 32, "image_size": 32, "class_names": ["hem", "all"]},
}


def params(strategy: str = "subject", folds: Sequence[int] = FOLDS) -> CrossValidationParams:
    """The parameters of a cross-validation."""
    return CrossValidationParams(strategy, [*folds], [*SEEDS])  # type: ignore[arg-type]


def cells(subjects: int = 9, cells_of_each: int = 4) -> pd.DataFrame:
    """A table of cells: for each class some subjects of some cells; three official folds."""
    rows = [
        {
            "image": f"{label}_{subject}_{number}.bmp",
            "member": f"{label}_{subject}_{number}.bmp",
            "label": label,
            "subject": f"{label[0]}{subject}",
            "field": "1",
            "cell": str(number),
            "fold": f"fold_{subject % 3}",
            "group": f"{label[0]}{subject}",
            "split": "train",
        }
        for label in ("all", "hem")
        for subject in range(subjects)
        for number in range(cells_of_each)
    ]
    return pd.DataFrame(rows)


def tables_of_folds() -> dict[int, pd.DataFrame]:
    """The tables of cells of the official folds."""
    table = cells().assign(test_fold=lambda rows: rows["fold"].str[-1].astype(int) + 1)
    return {fold: parts_of_fold(table, fold, count=len(FOLDS)) for fold in FOLDS}


def predictions_of(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What a good, not a perfect, member says of its validation, test and external cells."""
    generator = np.random.default_rng(seed)
    rows = table[table["split"] != "train"].copy()
    external = rows[rows["split"] == "test"].assign(split="zurich")
    rows = pd.concat([rows, external], ignore_index=True)
    sign = np.where(rows["label"] == "all", 1.0, -1.0)
    logit = (sign + generator.normal(0, 1.2, len(rows))).round(6)
    return rows[["split", "image", "subject", "fold", "label"]].assign(
        p_all=expit(logit).round(8),
        logit=logit,
        area=(0.3 + 0.1 * sign + generator.normal(0, 0.1, len(rows))).round(6),
        brightness=generator.uniform(50, 60, len(rows)).round(4),
    )


def write_member(
    predictions: Path,
    table: Path,
    rows: pd.DataFrame,
    *,
    fold: int,
    seed: int,
    **about: Any,
) -> Path:
    """Write the predictions of a member as the stage predict does; return its folder."""
    folder = predictions / member_name(fold, seed)
    folder.mkdir(parents=True)
    rows.to_csv(folder / "predictions.csv", index=False)
    member = {
        "fold": fold,
        "seed": seed,
        "cells_sha256": file_sha256(table),
        "model_sha256": "of the model",
        "train": TRAIN,
    }
    (folder / "member.json").write_text(json.dumps(member | about))
    return folder


def write_folds(folder: Path, tables: dict[int, pd.DataFrame]) -> Path:
    """Write the tables of cells of the folds; return their folder."""
    folder.mkdir(parents=True)
    for fold, table in tables.items():
        write_cells(table, folder / f"fold-{fold}.csv")
    return folder
