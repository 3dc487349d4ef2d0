from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.compare.revisions import read_revision

from .conftest import CommitFiles, better, cells, git, write_metrics

CELLS = cells(subjects=2, per_subject=3)


def test_a_branch_is_read_without_a_checkout_and_the_workspace_as_it_lies(
    repository: Path, commit: CommitFiles
) -> None:
    commit("main", CELLS)
    commit("other", better(CELLS, by=1), threshold=0.4, archive="b" * 64)
    write_metrics(repository, better(CELLS, by=2))

    main, other, here = (read_revision(name) for name in ("main", "other", None))

    for found, by in ((main, 0), (other, 1), (here, 2)):
        expected = better(CELLS, by=by)["p_all"]
        pd.testing.assert_series_equal(found.test["p_all"], expected)
    assert (main.threshold, other.threshold) == (0.5, 0.4)
    assert (other.archive[0], other.data, here.name) == ("b", "synthetic", "workspace")


def test_only_test_cells_are_kept_and_sorted(repository: Path) -> None:
    shuffled = CELLS.sample(frac=1, random_state=1)
    write_metrics(repository, pd.concat([shuffled.assign(split="val"), shuffled]))

    found = read_revision(None).test

    assert found["image"].tolist() == sorted(CELLS["image"])
    assert set(found["split"]) == {"test"}


def test_a_tag_and_a_commit_are_revisions_too(repository: Path, commit: CommitFiles) -> None:
    commit("main", CELLS)
    git(repository, "tag", "v1")

    for name in ("v1", git(repository, "rev-parse", "HEAD").strip(), "HEAD~0"):
        assert len(read_revision(name).test) == len(CELLS)


def test_an_unknown_revision_is_refused(commit: CommitFiles) -> None:
    commit("main", CELLS)

    with pytest.raises(StageError, match=r"there is no 'nosuch' here .*; expected a branch"):
        read_revision("nosuch")


def test_in_a_shallow_clone_an_unknown_revision_may_only_be_missing(
    repository: Path, commit: CommitFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("main", CELLS)
    commit("main", better(CELLS, by=1))
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    monkeypatch.chdir(tmp_path / "shallow")

    with pytest.raises(StageError, match=r"no 'HEAD~1' here .*; this clone is shallow: `git fetc"):
        read_revision("HEAD~1")


def test_a_revision_without_predictions_is_refused(repository: Path, commit: CommitFiles) -> None:
    commit("main", CELLS)
    git(repository, "rm", "--quiet", "metrics/predictions.csv")
    git(repository, "commit", "--quiet", "--message", "Remove them")

    for revision in ("main", None):
        with pytest.raises(StageError, match=r"has no metrics/predictions\.csv; make it there"):
            read_revision(revision)


@pytest.mark.integration
def test_a_folder_that_is_no_repository_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert subprocess.run(["git", "status"], capture_output=True, check=False).returncode

    with pytest.raises(StageError, match="lies in no git repository; clone"):
        read_revision("main")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda table: table.drop(columns="p_all"), "p_all"),
        (lambda table: table.assign(p_all="high"), "with p_all 'high', expected hem or all and"),
        (lambda table: table.assign(p_all=float("nan")), "with p_all '', expected hem or all an"),
        (lambda table: table.assign(p_all="nan"), "with p_all 'nan', expected hem or all and a"),
        (lambda table: table.assign(p_all=1.5), r"with p_all '1\.5', expected hem or all and a"),
        (lambda table: table.assign(split="val"), "holds no test cells of both classes"),
        (lambda table: table[table["label"] == "all"], "holds no test cells of both classes"),
        (lambda table: table.replace({"label": {"hem": "normal"}}), "'normal' with p_all"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "stands in two rows"),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(
    repository: Path, change: object, complaint: str
) -> None:
    write_metrics(repository, change(CELLS))

    with pytest.raises(StageError, match=rf"workspace:metrics/predictions\.csv.*({complaint})"):
        read_revision(None)


def test_an_empty_revision_is_not_taken_for_the_workspace(repository: Path) -> None:
    write_metrics(repository, CELLS)

    with pytest.raises(StageError, match="the revision is ''; expected a branch"):
        read_revision("")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"threshold": null, "data": "synthetic"}'])
def test_results_without_a_threshold_are_refused(repository: Path, content: str) -> None:
    write_metrics(repository, CELLS)
    (repository / "metrics/test.json").write_text(content)

    with pytest.raises(StageError, match=r"workspace: metrics/test\.json lacks threshold or data"):
        read_revision(None)
