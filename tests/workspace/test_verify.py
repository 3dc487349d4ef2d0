"""Where there is nothing to verify. The command itself runs in tests/dvc/test_verify.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stages.workspace.verify import main


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> pytest.CaptureFixture[str]:
    """In an empty folder; what is printed."""
    (folder := tmp_path / "clone").mkdir()
    monkeypatch.chdir(folder)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return capsys


def commit(**files: str) -> None:
    """Commit files, a dot in their names written as two underscores, in a new repository."""
    for name, text in files.items():
        Path(name.replace("__", ".")).write_text(text)
    for command in ("init --quiet", "add --all", "commit --quiet --allow-empty --message x"):
        subprocess.run(["git", *command.split()], check=True)


def error(said: pytest.CaptureFixture[str]) -> str:
    """The one line of an error, after which nothing is left beside the workspace."""
    assert main() == 2
    assert len(list(Path.cwd().parent.iterdir())) == 1
    (line,) = said.readouterr().err.splitlines()
    return line


def test_where_there_is_no_git_repository_one_line_says_so(
    said: pytest.CaptureFixture[str],
) -> None:
    assert error(said).startswith("verify: this folder lies in no git repository; clone ")


def test_where_git_is_not_installed_one_line_says_so(
    said: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path.cwd()))
    assert error(said) == "verify: git was not found; install it"


def test_where_nothing_is_committed_one_line_says_so(said: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert error(said).startswith("verify: this git repository has no commit yet; make the first")


def test_a_commit_without_lock_is_named(said: pytest.CaptureFixture[str]) -> None:
    commit()
    line = error(said)
    assert line.startswith("verify: commit ")
    assert "has no dvc.lock; run `dvc repro`, then commit dvc.lock and metrics" in line


def test_a_lock_without_outputs_is_named(said: pytest.CaptureFixture[str]) -> None:
    commit(dvc__lock="stages: {}\n")
    line = error(said)
    assert line.startswith("verify: dvc.lock of commit ")
    assert "has no outputs; run `dvc repro`" in line


def test_a_lock_with_conflicts_is_named(said: pytest.CaptureFixture[str]) -> None:
    commit(dvc__lock="<<<<<<< HEAD\nstages: {}\n=======\n")
    assert "it is not readable" in error(said)
