"""Read and check the outputs of earlier stages: reports, history, appearance and cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.cell_table import sets_of
from stages.dataset.classes import CLASS_NAMES

_JSON_NAMES = {bool: "boolean", dict: "object", int: "number", str: "string"}
APPEARANCE_COLUMNS = (
    *("set", "image", "area", "brightness", "red", "green", "blue"),
    "uniform_background",
)
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def read_report(
    path: Path, *, made_by: str, needs: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Read the JSON report of the stage `made_by`; check the keys and types in `needs`.

    Raises:
        StageError: if it is missing, not a JSON object, lacks a key, or a value has another type.
    """
    remedy = f"make it again with `dvc repro --force --single-item {made_by}`"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {remedy}") from error
    if not isinstance(report, dict):
        raise StageError(f"{path} holds a {type(report).__name__}, expected an object; {remedy}")
    for key, kind in (needs or {}).items():
        if not isinstance(report.get(key), kind):
            found = f"has {key}: {report[key]!r}" if key in report else f"lacks {key}"
            raise StageError(f"{path} {found}; expected a JSON {_JSON_NAMES[kind]}; {remedy}")
    return report


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


def read_appearance(path: Path) -> pd.DataFrame:
    """Read how each cell looks, as preprocess measured it: columns APPEARANCE_COLUMNS.

    Raises:
        StageError: if it is missing or malformed.
    """
    remedy = "make it again with `dvc repro --force --single-item preprocess`"
    try:
        table = pd.read_csv(path, dtype={"set": str, "image": str}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {remedy}") from error
    missing = [column for column in APPEARANCE_COLUMNS if column not in table]
    if missing:
        raise StageError(f"{path} lacks columns {', '.join(missing)}; {remedy}")
    return table


def add_appearance(
    predictions: pd.DataFrame, appearances: pd.DataFrame, path: Path
) -> pd.DataFrame:
    """Add the area and brightness of its cell to each row of predictions.

    Args:
        predictions: or any table of cells: columns `image` and `split`.
        appearances: from `read_appearance`.
        path: of the appearances, for the error.

    Raises:
        StageError: if the table of appearances lacks a cell, or lists one twice.
    """
    known = appearances.set_index(["set", "image"])[["area", "brightness"]]
    wanted = set_and_image(predictions)
    missing = wanted[~wanted.isin(known.index)].tolist()
    if missing or known.index.has_duplicates:
        lack = f"lacks {missing[0][1]}" if missing else "lists a cell twice"
        raise StageError(
            f"{path} {lack}; expected each cell of the shards once; make it again with "
            "`dvc repro --force --single-item preprocess`"
        )
    found = known.loc[wanted].reset_index(drop=True)
    return pd.concat([predictions.reset_index(drop=True), found], axis=1)


def set_and_image(cells: pd.DataFrame) -> pd.MultiIndex:
    """Return the set and the image of each cell: names of images are unique in a set alone."""
    return pd.MultiIndex.from_arrays([sets_of(cells), cells["image"]])


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
