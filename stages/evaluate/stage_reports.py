"""Read and check the outputs of earlier stages: the history, and cells as they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES

HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def read_history(path: Path) -> pd.DataFrame:
    """Read the training history: one row per epoch, at least the columns HISTORY_COLUMNS.

    Raises:
        StageError: if it is missing, malformed or empty.
    """
    remedy = "make it again with `dvc repro --force --single-item train`"
    try:
        history = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {remedy}") from error
    missing = [column for column in HISTORY_COLUMNS if column not in history]
    if missing or history.empty:
        lack = f"columns {', '.join(missing)}" if missing else "epochs: it has no rows"
        raise StageError(f"{path} lacks {lack}; {remedy}")
    return history


def require_cells_as_trained(
    cells: Mapping[str, Any], trained: Mapping[str, Any], path: Path
) -> None:
    """Check that the shards have the format of the cells that the model was trained on.

    Args:
        cells: `shard_reader.image_format` of the shards.
        trained: the same at training time.
        path: path of the training report, for the error.

    Raises:
        StageError: if they differ; it lists the differences.
    """
    different = [key for key in cells if trained.get(key) != cells[key]]
    if different:
        told = ", ".join(f"{key} {trained.get(key)}, now {cells[key]}" for key in different)
        raise StageError(
            f"{path}: the model was trained on other cells than those in the shards: {told}; "
            "train it on these with `dvc repro`"
        )


def require_both_classes(cells: pd.DataFrame, path: Path) -> None:
    """Check that the test split of a table of cells (at `path`) has both classes.

    Raises:
        StageError: if not, with the number of test cells of each class.
    """
    labels = cells.loc[cells["split"] == "test", "label"]
    counts = {name: int((labels == name).sum()) for name in CLASS_NAMES}
    if not all(counts.values()):
        found = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise StageError(
            f"{path}: the test split holds {found}; expected cells of both classes, or neither "
            "specificity nor ROC AUC exist; change `split` in params.yaml"
        )
