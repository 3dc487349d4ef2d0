from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.compare.cross_validations import (
    PREDICTIONS,
    RESULTS,
    has_cross_validation,
    read_cross_validation,
)

from .conftest import cells, git, seeds_of, write_cross_validation

CELLS = cells(subjects=2, per_subject=3)
TABLES = seeds_of(CELLS, 1, 7)


def rewrite(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = pd.read_csv(folder / PREDICTIONS, dtype="str", keep_default_na=False)
    change(table).to_csv(folder / PREDICTIONS, index=False)


def test_a_branch_and_the_workspace_are_read_seed_by_seed(repository: Path) -> None:
    write_cross_validation(repository, TABLES)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Cross-validate")
    write_cross_validation(repository, seeds_of(CELLS, 3), folds=2, strategy="official")

    main, here = read_cross_validation("main"), read_cross_validation(None)

    assert (list(main.by_seed), main.folds, main.strategy) == ([1, 7], 5, "subject")
    assert (list(here.by_seed), here.folds, here.strategy) == ([3], 2, "official")
    for seed, table in TABLES.items():
        found = main.by_seed[seed]
        assert found.test["p_all"].tolist() == pytest.approx(table["p_all"].tolist())
        assert (found.name, found.part, found.archive) == ("main", "out_of_fold", "a" * 64)
        assert found.test["operating_threshold"].eq(0.4).all()
    assert main.fold_of.index.tolist() == CELLS["image"].tolist()


def test_external_sets_beside_the_cells_are_left_out(repository: Path) -> None:
    write_cross_validation(repository, TABLES)
    rewrite(repository, lambda table: pd.concat([table, table.assign(split="external")]))

    assert len(read_cross_validation(None).first.test) == len(CELLS)


def test_where_a_model_has_no_operating_point_there_is_none(repository: Path) -> None:
    write_cross_validation(repository, TABLES)
    rewrite(
        repository,
        lambda table: table.assign(
            operating_threshold=table["operating_threshold"].where(table["seed"] == "1", "")
        ),
    )

    for side in read_cross_validation(None).by_seed.values():
        assert "operating_threshold" not in side.test


def test_a_revision_without_cross_validation_is_refused(repository: Path) -> None:
    (repository / "file").touch()
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Nothing")

    for revision, name in (("main", "main"), (None, "workspace")):
        assert not has_cross_validation(revision)
        with pytest.raises(
            StageError,
            match=rf"^{name} has no cross_validation/metrics/predictions\.csv; run `make "
            "cross-validate` there, and commit cross_validation$",
        ):
            read_cross_validation(revision)
    write_cross_validation(repository, TABLES)
    assert has_cross_validation(None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda table: table.drop(columns="seed"), "seed"),
        (lambda table: table.iloc[1:], r"seed 1 has 11 cells, and seed 7 12; UID_\S+ of subject"),
        (
            lambda table: table.assign(subject=table["subject"].where(table["seed"] == "1", "9")),
            r"seed 1 has 12 cells, and seed 7 12; UID_\S+ of subject \d+ is not in both",
        ),
        (lambda table: pd.concat([table, table.iloc[:1]]), "seed 1: UID_.* stands in two rows"),
        (lambda table: table[table["seed"] == "1"], r"has seeds 1, and .*out_of_fold.json seeds"),
        (lambda table: table.assign(seed="x"), "has seeds x, and"),
        (lambda table: table.assign(split="external"), "has no seeds, and .* seeds 1, 7"),
        (lambda table: table[table["label"] == "all"], "holds no out_of_fold cells of both cl"),
        (lambda table: table.assign(p_all="2"), "seed 1: .* with p_all '2', expected hem or all"),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(
    repository: Path, change: Callable[[pd.DataFrame], pd.DataFrame], complaint: str
) -> None:
    write_cross_validation(repository, TABLES)
    rewrite(repository, change)

    with pytest.raises(StageError, match=rf"workspace:{PREDICTIONS}.*{complaint}") as told:
        read_cross_validation(None)
    assert str(told.value).endswith("run `make cross-validate` there, and commit cross_validation")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("lost", ["threshold", "data", "strategy", "folds", "seeds"])
def test_results_that_lack_a_key_are_refused(repository: Path, lost: str) -> None:
    write_cross_validation(repository, TABLES)
    results = json.loads((repository / RESULTS).read_text())
    del results[lost]
    (repository / RESULTS).write_text(json.dumps(results))

    with pytest.raises(StageError, match=rf"workspace: {RESULTS} lacks .*{lost}"):
        read_cross_validation(None)
