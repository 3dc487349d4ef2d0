"""The model of a revision or a tag: real git, real DVC, a remote in a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run
from .stand_in_model import METADATA, write_stand_in

pytestmark = [pytest.mark.integration, pytest.mark.dvc]

TAG = "leukemia-classifier@v1.0.0"


@pytest.fixture
def released(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which a model was released, pushed and replaced; its cache is empty."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "true")

    def call(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    dvc = (sys.executable, "-m", "dvc")
    call("git", "init", "--initial-branch=main")
    call(*dvc, "init")
    call(*dvc, "remote", "add", "--default", "local", str(folder / "remote"))
    call(*dvc, "add", "models/model.onnx")
    call("git", "add", ".dvc", "models")
    call("git", "commit", "--message=Release")
    call("git", "tag", TAG)
    call(*dvc, "push")
    default, operating = METADATA["thresholds"]
    strict = [default | {"value": 0.99}, operating]
    write_stand_in(folder / "models/model.onnx", METADATA | {"thresholds": strict})
    call(*dvc, "add", "models/model.onnx")
    call("git", "commit", "--all", "--message=Another")
    shutil.rmtree(folder / ".dvc/cache")
    return folder


def calls(text: str) -> list[str]:
    return [line.split(",")[3] for line in text.splitlines()[1:]]


@pytest.mark.usefixtures("released")
def test_the_model_of_a_tag_is_brought_from_the_remote(run: Run) -> None:
    now = run("cells")
    of_tag = run("cells", "--model", TAG)
    assert (now.returncode, of_tag.returncode) == (0, 0), of_tag.stderr
    assert set(calls(now.stdout)) == {"hem"}
    assert set(calls(of_tag.stdout)) == {"hem", "all"}
    assert run("cells", "--model", "HEAD~1").stdout == of_tag.stdout


def test_a_revision_whose_model_was_not_pushed_is_one_line(run: Run, released: Path) -> None:
    done = run("cells", "--model", "main")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("predict: main has no models/model.onnx that DVC can bring (")
    assert "`dvc push`" in line
    (released / "models/model.onnx").unlink()
    assert "model.onnx is missing" in run("cells").stderr


def test_a_revision_that_has_no_model_is_one_line(run: Run, released: Path) -> None:
    commands = ("git rm --quiet models/model.onnx.dvc", "git commit --quiet --message=Without")
    for command in commands:
        subprocess.run(command.split(), cwd=released, check=True)
    done = run("cells", "--model", "HEAD")
    assert done.returncode == 2
    assert done.stderr.startswith("predict: HEAD has no models/model.onnx that DVC can bring (")
    assert done.stderr.count("\n") == 1
