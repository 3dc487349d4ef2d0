from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.common.git_commands import (
    committed_file,
    conflicts,
    find_commit,
    git,
    head_commit,
    lacking_history,
    lacks_identity,
    settle,
)

IDENTITY = ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository whose user git does not know; the working folder lies below its root."""
    for name in IDENTITY:
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (below := tmp_path / 'a "b" ü/c\nd').mkdir(parents=True)
    monkeypatch.chdir(below)
    git("init", "--quiet", str(below.parent))
    return below.parent


def commit() -> str:
    git("add", "--all")
    git("-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "--message", "x")
    return git("rev-parse", "HEAD")


def test_a_file_of_a_commit_is_found_from_a_folder_below_the_root(repository: Path) -> None:
    Path("file").write_text("below")
    (repository / "file").write_text("at the root")
    (repository / "other").touch()
    made = commit()
    assert committed_file(made, "file") == b"below"
    assert committed_file(made, "other") is None


def test_what_git_prints_of_a_path_is_the_path(repository: Path) -> None:
    assert Path(git("rev-parse", "--show-toplevel")) == repository.resolve()


@pytest.mark.usefixtures("repository")
def test_without_a_commit_the_first_is_asked_for() -> None:
    assert find_commit("HEAD") is None
    with pytest.raises(StageError, match="no commit yet; make the first: `git add --all`"):
        head_commit()


@pytest.mark.usefixtures("repository")
def test_a_commit_is_found_by_whatever_names_it() -> None:
    Path("file").touch()
    made = commit()
    git("branch", "it's;new")
    assert {find_commit(name) for name in ("HEAD", "it's;new", made[:8])} == {made}
    assert head_commit() == made
    assert find_commit("nosuch") is None
    assert find_commit("--all") is None


def test_outside_of_a_repository_one_line_says_how_to_come_into_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for ask in (head_commit, lambda: find_commit("main"), lambda: git("status")):
        with pytest.raises(StageError, match=r"no git repository; clone .* `git init`") as error:
            ask()
        assert "\n" not in str(error.value)


def test_a_repository_with_an_empty_head_says_how_to_mend_it(repository: Path) -> None:
    git("symbolic-ref", "HEAD", "refs/heads/BRANCH")
    Path("file").touch()
    made = commit()
    (repository / ".git/HEAD").write_text("")
    with pytest.raises(StageError, match="for no repository: it is damaged") as error:
        git("status")
    (mend,) = str(error.value).split("`")[1::2]
    subprocess.run(mend, shell=True, check=True)
    assert head_commit() == made


def test_a_worktree_whose_repository_was_moved_says_how_to_repair_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    commit()
    git("worktree", "add", "--quiet", "--detach", str(worktree := tmp_path / "work tree"))
    monkeypatch.chdir(worktree)
    repository.rename(moved := tmp_path / "moved")
    with pytest.raises(StageError, match="where it is no more; if it was moved") as error:
        head_commit()
    told = str(error.value)
    assert "\n" not in told
    _, repair, _ = told.split("`")
    subprocess.run(repair, shell=True, check=True, cwd=moved)
    assert head_commit()


@pytest.mark.usefixtures("repository")
def test_a_content_that_git_has_lost_is_not_taken_for_a_file_that_was_never_there(
    repository: Path,
) -> None:
    Path("file").write_text("content")
    made = commit()
    blob = git("rev-parse", f"{made}:./file")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(StageError, match=r"git has not the content of file in .* `git fsck`"):
        committed_file(made, "file")
    assert committed_file(made, "other") is None


def test_of_a_repository_of_another_user_one_line_says_how_to_trust_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own way to play it
    for ask in (head_commit, lambda: git("status")):
        with pytest.raises(StageError, match="belongs to another user") as error:
            ask()
        assert f"`git config --global --add safe.directory '{repository}'`" in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.usefixtures("repository")
def test_what_git_refuses_is_said_in_one_line() -> None:
    with pytest.raises(StageError, match="`git log` failed: fatal: ") as error:
        git("log")
    assert "\n" not in str(error.value)


def test_a_shallow_clone_says_how_to_get_what_it_lacks(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        Path(name).touch()
        commit()
    assert lacking_history() == ""
    git("clone", "--quiet", "--depth", "1", repository.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert find_commit("HEAD~1") is None
    _, unshallow, _, branch, _ = lacking_history().split("`")
    git(*unshallow.split()[1:])
    git(*branch.replace("NAME:NAME", "HEAD:other").split()[1:])
    assert find_commit("HEAD~1")
    assert find_commit("other") == head_commit()
    assert lacking_history() == ""


@pytest.mark.usefixtures("repository")
def test_conflicts_of_a_merge_are_named_until_they_are_settled() -> None:
    for branch, content in (("one", "1"), ("two", "2")):
        git("checkout", "--quiet", "--orphan", branch)
        Path("a file").write_text(content)
        commit()
    assert conflicts() == []
    merge = ("merge", "--allow-unrelated-histories", "one")
    with pytest.raises(StageError):
        git("-c", "user.name=a", "-c", "user.email=b", *merge)
    assert conflicts() == ["a file"]
    assert settle(conflicts()) == (
        "settle the conflicts of the merge in 'a file', then `git add 'a file'`"
    )
    commit()
    assert conflicts() == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"garbage" * 9])
def test_an_index_that_git_cannot_read_is_one_line_with_the_remedy(
    repository: Path, content: bytes
) -> None:
    Path("file").touch()
    commit()
    (repository / ".git/index").write_bytes(content)
    with pytest.raises(StageError, match="git cannot read its index") as error:
        conflicts()
    told = str(error.value)
    assert "\n" not in told
    assert told.endswith('`rm "$(git rev-parse --git-path index)"`, then `git reset`')
    subprocess.run('rm "$(git rev-parse --git-path index)"', shell=True, check=True)
    git("reset")
    assert conflicts() == []
    assert git("status", "--porcelain") == ""


@pytest.mark.usefixtures("repository")
def test_a_name_without_an_address_is_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacks_identity()
    git("config", "user.name", "a")
    assert lacks_identity()
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "b")
    assert not lacks_identity()


def test_without_git_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError, match=r"^git was not found; install it$"):
        git("status")
