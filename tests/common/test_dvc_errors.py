from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stages.common.dvc_errors import dvc_errors
from stages.common.errors import StageError
from stages.common.git_commands import git

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (RuntimeError("two\n  lines"), "two lines"),
        (KeyError("name"), "'name'"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_whatever_is_raised_becomes_one_line_with_the_remedy(raised: Exception, told: str) -> None:
    with (
        pytest.raises(StageError, match=f"^it failed \\({told}\\); do that$"),
        dvc_errors("it failed", remedy="do that"),
    ):
        raise raised


@pytest.mark.parametrize(
    "raised",
    [PermissionError("no right"), OSError("path '/a' is not owned by current user")],  # libgit2
)
def test_a_missing_right_has_its_own_remedy(raised: Exception) -> None:
    with (
        pytest.raises(
            StageError, match=r"^it failed \(.+\); get that right from .*clone.*SITE_CACHE"
        ),
        dvc_errors("it failed", remedy="do that"),
    ):
        raise raised


def test_where_a_merge_is_not_settled_that_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    halves = "".join(f"100644 {EMPTY_BLOB} {stage}\tdvc.lock\n" for stage in (2, 3))
    subprocess.run(["git", "update-index", "--index-info"], input=halves, text=True, check=True)
    with (
        pytest.raises(
            StageError, match=r"^it failed \(no YAML\); settle the conflicts .* dvc.lock"
        ),
        dvc_errors("it failed", remedy="do that"),
    ):
        raise ValueError("no YAML")


def test_an_interruption_is_none_of_them() -> None:
    with pytest.raises(KeyboardInterrupt), dvc_errors("it failed", remedy="do that"):
        raise KeyboardInterrupt
