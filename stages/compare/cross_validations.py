"""Read the cross-validation of a revision from git: every training cell, predicted out of fold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stages.common.errors import StageError
from stages.compare.revisions import (
    DOWNLOAD,
    Revision,
    checked_cells,
    file_content,
    named_commit,
    read_file,
    read_table,
)

OUT_OF_FOLD = "out_of_fold"
"""The part: every training cell, predicted by models that have not seen its subject."""

PREDICTIONS = "cross_validation/metrics/predictions.csv"
RESULTS = "cross_validation/metrics/out_of_fold.json"

REMEDY = "run `make cross-validate` there, and commit cross_validation"

_COLUMNS = (
    *("split", "seed", "test_fold", "image", "subject", "label", "p_all", "operating_threshold"),
)


@dataclass(frozen=True)
class CrossValidation:
    """The out-of-fold predictions of a revision.

    Attributes:
        by_seed: for each seed the same cells in the same order, with what its models predict.
        strategy: how the cells were put into folds, such as subject.
        folds: the number of folds.
        fold_of: the fold that tested each image.
    """

    by_seed: Mapping[int, Revision]
    strategy: str
    folds: int
    fold_of: pd.Series

    @property
    def first(self) -> Revision:
        """The predictions of the first seed."""
        return next(iter(self.by_seed.values()))


def read_cross_validation(revision: str | None) -> CrossValidation:
    """Read a git revision or DVC experiment of this project, or with None the workspace.

    Raises:
        StageError: if the revision or its cross-validation does not exist, or is malformed.
    """
    name, commit = named_commit(revision)
    predictions, results, download = (
        read_file(path, name=name, commit=commit, remedy=REMEDY)
        for path in (PREDICTIONS, RESULTS, DOWNLOAD)
    )
    try:
        measured, downloaded = json.loads(results), json.loads(download)
        threshold, data = float(measured["threshold"]), str(measured["data"])
        strategy, folds = str(measured["strategy"]), len(measured["folds"])
        seeds = [int(seed) for seed in measured["seeds"]]
        archive, key = str(downloaded["sha256"]), downloaded.get("pseudonym_key")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(
            f"{name}: {RESULTS} lacks threshold, data, strategy, folds or seeds, or {DOWNLOAD} "
            f"sha256 ({error!r}); {REMEDY}"
        ) from error
    tables = _tables(predictions, f"{name}:{PREDICTIONS}", seeds=seeds)
    return CrossValidation(
        {
            seed: Revision(name, table, threshold, None, data, archive, key, OUT_OF_FOLD)
            for seed, table in tables.items()
        },
        strategy,
        folds,
        next(iter(tables.values())).set_index("image")["test_fold"],
    )


def has_cross_validation(revision: str | None) -> bool:
    """Return whether a revision, or with None the workspace, has out-of-fold predictions."""
    _, commit = named_commit(revision)
    return file_content(PREDICTIONS, commit=commit) is not None


def _tables(content: str, where: str, *, seeds: list[int]) -> dict[int, pd.DataFrame]:
    """Return the cells of each seed, sorted by image; the same cells in all of them."""
    table = read_table(content, _COLUMNS, where=where, remedy=REMEDY)
    table = table[table["split"] == OUT_OF_FOLD]
    found = pd.to_numeric(table["seed"], errors="coerce")
    if not seeds or set(found) != set(seeds):
        raise StageError(
            f"{where} has {_listed(table['seed'].unique())}, and {RESULTS} "
            f"{_listed(seeds)}; {REMEDY}"
        )
    tables = {
        seed: checked_cells(
            table[found == seed], part=OUT_OF_FOLD, where=f"{where}, seed {seed}", remedy=REMEDY
        )
        for seed in seeds
    }
    for seed in seeds[1:]:
        _require_same_cells(tables, (seeds[0], seed), where)
    return _with_thresholds(tables)


def _require_same_cells(
    tables: Mapping[int, pd.DataFrame], seeds: tuple[int, int], where: str
) -> None:
    first, other = (tables[seed] for seed in seeds)
    columns = ["image", "subject", "label"]
    if first[columns].equals(other[columns]):
        return
    both = first[columns].merge(other[columns], how="outer", indicator=True)
    differs = both[both["_merge"] != "both"].iloc[0]
    raise StageError(
        f"{where}: seed {seeds[0]} has {len(first):,} cells, and seed {seeds[1]} {len(other):,}; "
        f"{differs['image']} of subject {differs['subject'] or 'unknown'} is not in both; {REMEDY}"
    )


def _with_thresholds(tables: Mapping[int, pd.DataFrame]) -> dict[int, pd.DataFrame]:
    """Make operating_threshold a number, or leave the column out if a model has none."""
    thresholds = {
        seed: pd.to_numeric(table["operating_threshold"], errors="coerce")
        for seed, table in tables.items()
    }
    if any(each.isna().any() for each in thresholds.values()):
        return {seed: table.drop(columns="operating_threshold") for seed, table in tables.items()}
    return {
        seed: table.assign(operating_threshold=thresholds[seed]) for seed, table in tables.items()
    }


def _listed(seeds: object) -> str:
    names = ", ".join(map(str, seeds))  # type: ignore[call-overload]
    return f"seeds {names}" if names else "no seeds"
