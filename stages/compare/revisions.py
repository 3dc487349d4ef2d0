"""Read the results of a revision from git, without pull or checkout."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.common.dvc_errors import dvc_errors
from stages.common.errors import StageError
from stages.common.git_commands import committed_file, find_commit, head_commit, lacking_history
from stages.dataset.classes import CLASS_NAMES

PREDICTIONS = "metrics/predictions.csv"
RESULTS = "metrics/test.json"
DOWNLOAD = "metrics/download.json"
WORKSPACE = "workspace"

REMEDY = "make it there with `dvc repro`, and commit dvc.lock and metrics"

_COLUMNS = ("split", "image", "subject", "label", "p_all")


@dataclass(frozen=True)
class Revision:
    """The results of a revision on the test cells, or on an external set.

    Attributes:
        name: of the revision.
        test: one row per cell: split, image, subject, label (hem or all), p_all (0…1). Where models
            of several folds predicted the cells, also operating_threshold, of the cell's model.
        threshold: p(ALL) from which the revision calls a cell ALL.
        operating_threshold: the same at its operating point; None if it has none, or one a fold.
        data: name of its data.
        archive: SHA-256 of the archive of these cells.
        pseudonym_key: fingerprint of the key of the pseudonyms; None if there are none.
        part: what the cells are: test, out_of_fold, or the name of an external set.
    """

    name: str
    test: pd.DataFrame
    threshold: float
    operating_threshold: float | None
    data: str
    archive: str
    pseudonym_key: str | None = None
    part: str = "test"


def read_revision(revision: str | None, *, part: str = "test") -> Revision:
    """Read a git revision or DVC experiment of this project, or with None the workspace.

    `part` is test, or the name of an external set.

    Raises:
        StageError: if the revision does not exist, or a file of it is missing or malformed.
    """
    name, commit = named_commit(revision)
    predictions, results, download = (
        read_file(path, name=name, commit=commit, remedy=REMEDY)
        for path in (PREDICTIONS, RESULTS, DOWNLOAD)
    )
    try:
        measured = json.loads(results)
        threshold, operating = float(measured["threshold"]), measured.get("operating_threshold")
        downloaded = json.loads(download)
        of_part = downloaded.get("external", {}).get(part, downloaded)
        data, archive = str(measured["data"]), str(of_part["sha256"])
        key = of_part.get("pseudonym_key")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(
            f"{name}: {RESULTS} lacks threshold or data, or {DOWNLOAD} sha256 ({error!r}); make "
            "them again there with `dvc repro`"
        ) from error
    test = _cells(predictions, f"{name}:{PREDICTIONS}", part=part)
    operating_threshold = None if operating is None else float(operating)
    return Revision(name, test, threshold, operating_threshold, data, archive, key, part)


def named_commit(revision: str | None) -> tuple[str, str | None]:
    """Return the name of a revision and its commit; of the workspace (None) no commit.

    Raises:
        StageError: if the revision does not exist.
    """
    if revision is None:
        return WORKSPACE, None
    if revision == "":  # DVC would read the workspace
        raise StageError("the revision is ''; expected a branch, tag, commit or experiment")
    return revision, find_revision(revision)


def find_revision(revision: str) -> str:
    """Return the commit of a git revision or DVC experiment.

    Raises:
        StageError: if there is none.
    """
    if commit := find_commit(revision):
        return commit
    head_commit()
    from dvc.repo import Repo  # takes a second or two
    from dvc.scm import resolve_rev

    remedy = (
        "expected a branch, tag, commit or experiment of this repository (`git branch`, "
        f"`dvc exp show`){lacking_history()}"
    )
    with dvc_errors(f"there is no {revision!r} here", remedy=remedy), Repo() as repo:
        found: str = resolve_rev(repo.scm, revision)
    return found


def read_file(path: str, *, name: str, commit: str | None, remedy: str) -> str:
    """Read a text file of a commit, or with None of the workspace.

    Raises:
        StageError: if it is missing or no text.
    """
    content = file_content(path, commit=commit)
    if content is None:
        raise StageError(f"{name} has no {path}; {remedy}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise StageError(f"{path} of {name} is no text ({error}); {remedy}") from error


def file_content(path: str, *, commit: str | None) -> bytes | None:
    """Return what a file of a commit, or with None of the workspace, holds; None if missing."""
    if commit is not None:
        return committed_file(commit, path)
    return Path(path).read_bytes() if Path(path).exists() else None


def read_table(content: str, columns: Sequence[str], *, where: str, remedy: str) -> pd.DataFrame:
    """Read columns of predictions.csv as texts.

    Raises:
        StageError: if one is missing.
    """
    try:
        return pd.read_csv(
            io.StringIO(content), usecols=list(columns), dtype="str", keep_default_na=False
        )
    except ValueError as error:
        raise StageError(f"{where}: {' '.join(str(error).split())}; {remedy}") from error


def checked_cells(cells: pd.DataFrame, *, part: str, where: str, remedy: str) -> pd.DataFrame:
    """Sort the rows of a part by image, and check them; p_all becomes a number.

    Raises:
        StageError: if a value is wrong, an image has two rows, or the cells are of one class.
    """
    cells = cells.sort_values("image", ignore_index=True)
    if cells["label"].nunique() < len(CLASS_NAMES):
        raise StageError(f"{where} holds no {part} cells of both classes; {remedy}")
    p_all = pd.to_numeric(cells["p_all"], errors="coerce")
    wrong = ~cells["label"].isin(CLASS_NAMES) | ~p_all.between(0, 1)
    if wrong.any():
        first = cells[wrong].iloc[0]
        raise StageError(
            f"{where}: {first['image']} is {first['label']!r} with p_all {first['p_all']!r}, "
            f"expected {' or '.join(CLASS_NAMES)} and a number in 0…1; {remedy}"
        )
    if cells["image"].duplicated().any():
        twice = cells.loc[cells["image"].duplicated(), "image"].iloc[0]
        raise StageError(f"{where}: {twice} stands in two rows; {remedy}")
    return cells.assign(p_all=p_all)


def _cells(content: str, where: str, *, part: str) -> pd.DataFrame:
    remedy = "make it again there with `dvc repro --force --single-item evaluate`"
    table = read_table(content, _COLUMNS, where=where, remedy=remedy)
    measured = [each for each in table["split"].unique() if each != "val"]
    if part not in ("test", *measured):
        raise StageError(f"{where} has no cells of {part}; expected one of {', '.join(measured)}")
    return checked_cells(table[table["split"] == part], part=part, where=where, remedy=remedy)
