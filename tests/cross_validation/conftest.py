"""A cross-validation whose members have predicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cross_validation.scene import (
    FOLDS,
    SEEDS,
    predictions_of,
    tables_of_folds,
    write_folds,
    write_member,
)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with folds/ and predictions/ of all members."""
    tables = tables_of_folds()
    folds = write_folds(tmp_path / "folds", tables)
    for fold in FOLDS:
        for seed in SEEDS:
            rows = predictions_of(tables[fold], 10 * fold + seed)
            path = folds / f"fold-{fold}.csv"
            write_member(tmp_path / "predictions", path, rows, fold=fold, seed=seed)
    return tmp_path
