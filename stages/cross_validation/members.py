"""Read what the members have predicted, and check that they belong together."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import file_sha256
from stages.dataset.cell_table import read_cells

_AGAIN = "make it again with `dvc repro cross_validation/dvc.yaml`"


@dataclass(frozen=True)
class Member:
    """A model of the cross-validation, and what it has predicted.

    Attributes:
        fold: the fold that it is tested on.
        seed: of its training.
        cells: the table of cells of its fold.
        predictions: its rows of predictions.csv: of val, test and the external sets.
        model_sha256: of its model file.
        train: the report of its training.
    """

    fold: int
    seed: int
    cells: pd.DataFrame
    predictions: pd.DataFrame
    model_sha256: str
    train: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called: its folder's name."""
        return member_name(self.fold, self.seed)


def member_name(fold: int, seed: int) -> str:
    """Return the name of a member."""
    return f"fold-{fold}-seed-{seed}"


def read_members(
    predictions: Path, folds: Path, *, numbers: Sequence[int], seeds: Sequence[int]
) -> list[Member]:
    """Read all members, by fold and seed, and remove what is left of others.

    Args:
        predictions: the folder with a folder for each member.
        folds: the folder with the tables of cells.
        numbers: of the folds.
        seeds: of the trainings.

    Raises:
        StageError: if one is missing or malformed, was trained on other cells or with other
            parameters than the rest, or has not predicted each of its cells once.
    """
    _remove_others(predictions, {member_name(fold, seed) for fold in numbers for seed in seeds})
    tables = {fold: folds / f"fold-{fold}.csv" for fold in numbers}
    members = [
        _read_member(predictions / member_name(fold, seed), tables[fold], fold=fold, seed=seed)
        for fold in numbers
        for seed in seeds
    ]
    _require_same_training(members)
    return members


def _remove_others(predictions: Path, names: set[str]) -> None:
    """Remove the predictions of members that are none any more: DVC leaves them behind."""
    for folder in sorted(predictions.glob("fold-*-seed-*")):
        if folder.name not in names and re.fullmatch(r"fold-\d+-seed-\d+", folder.name):
            shutil.rmtree(folder)
            print(f"Removed {folder}: fold and seed are not in cross_validation any more")


def _read_member(folder: Path, table: Path, *, fold: int, seed: int) -> Member:
    try:
        about = json.loads((folder / "member.json").read_text(encoding="utf-8"))
        predictions = pd.read_csv(
            folder / "predictions.csv",
            dtype=dict.fromkeys(("split", "image", "subject", "fold", "label"), "str"),
            keep_default_na=False,
        )
        found = int(about["fold"]), int(about["seed"])
        cells_sha256, train = str(about["cells_sha256"]), dict(about["train"])
        model_sha256 = str(about["model_sha256"])
        _ = predictions[["split", "image", "label", "p_all", "logit", "area", "brightness"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = " ".join(str(error).split())
        raise StageError(f"{folder} is not as predict writes it ({cause}); {_AGAIN}") from error
    if found != (fold, seed):
        raise StageError(
            f"{folder} holds the predictions of fold {found[0]}, seed {found[1]}; {_AGAIN}"
        )
    if cells_sha256 != file_sha256(table):
        raise StageError(
            f"{folder} was made with another {table.name}: of another archive, or other folds; "
            f"{_AGAIN}"
        )
    cells = read_cells(table)
    for split in ("val", "test"):
        _require_each_once(predictions, cells, split, folder)
    return Member(fold, seed, cells, predictions, model_sha256, train)


def _require_each_once(
    predictions: pd.DataFrame, cells: pd.DataFrame, split: str, folder: Path
) -> None:
    predicted = predictions.loc[predictions["split"] == split, "image"]
    expected = cells.loc[cells["split"] == split, "image"]
    problems = {
        "lacks": sorted(set(expected) - set(predicted)),
        "doubles": sorted(predicted[predicted.duplicated()]),
        "has beside its cells": sorted(set(predicted) - set(expected)),
    }
    for problem, images in problems.items():
        if images:
            raise StageError(
                f"{folder}/predictions.csv {problem} {images[0]} of {split} ({len(images):,} in "
                f"all); {_AGAIN}"
            )


def _require_same_training(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members[1:]:
        different = [
            key
            for key in ("settings_sha256", "cells", "weights_sha256")
            if member.train.get(key) != first.train.get(key)
        ]
        if different:
            raise StageError(
                f"the members {first.name} and {member.name} were not trained alike: their reports "
                f"differ in {', '.join(different)}; put no members together by hand, and edit no "
                "parameter while they train: make the wrong one again with `dvc repro --force "
                f"--single-item cross_validation/dvc.yaml:member@{member.fold}-{member.seed}` (or "
                f"member@{first.fold}-{first.seed}), then the rest with `dvc repro "
                "cross_validation/dvc.yaml`"
            )
