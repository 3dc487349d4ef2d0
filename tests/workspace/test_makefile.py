"""What `make` says before it installs anything; tests/dvc/faults_of_places.py has more."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def test_the_makefile_calls_no_script_whose_first_line_pip_has_written() -> None:
    called = re.findall(r"\$\(BIN\)/(\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(called) == {"python"}


@pytest.mark.integration
def test_where_python_makes_no_environment_another_folder_is_asked_for(tmp_path: Path) -> None:
    (folder := tmp_path / "a:b").mkdir()
    for name in ("Makefile", "requirements.txt", "requirements-gpu.txt"):
        shutil.copy(ROOT / name, folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    done = subprocess.run(
        ["make", "repro"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "name another folder: make VENV=/path/to/folder\n" in done.stderr
    assert "Installing" not in done.stdout


@pytest.mark.integration
def test_where_the_repository_of_a_worktree_was_moved_its_repair_is_named(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".git").write_text("gitdir: /nowhere/.git/worktrees/here\n")
    done = subprocess.run(
        ["make", "repro"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"run in it: git worktree repair {tmp_path}\n" in done.stderr
    assert "Installing" not in done.stdout


@pytest.mark.integration
def test_a_branch_may_have_quotes_and_other_characters_of_the_shell() -> None:
    branch = 'it\'s;"$(touch x)"&'
    make = ["make", "--dry-run", "--silent", "compare"]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    line = printed.splitlines()[-1]
    said = subprocess.run(
        ["sh", "-c", line.replace(line.partition(" -m")[0], "printf '%s\\n'")],
        env={"REV": branch, "OTHER": "a b"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines()[-2:] == [branch, "a b"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("target", "pipeline", "last"),
    [
        ("repro", "dvc repro", "stages.workspace.repro_summary"),
        (
            "cross-validate",
            "dvc repro cross_validation/dvc.yaml",
            "stages.cross_validation.summary",
        ),
    ],
)
def test_parameters_are_checked_before_dvc_reads_them(
    target: str, pipeline: str, last: str
) -> None:
    make = ["make", "--dry-run", "--silent", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    called = re.findall(r" -m (.+)", printed)
    assert called[-3:] == ["stages.workspace.params_check", pipeline, last]
