"""The Dockerfile: what a linter says, and what the image would hold, run without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import section

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIED = re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE)
LINTER = Path(sys.executable).with_name("hadolint")
ALONE = ["unshare", "--net"]


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode


def test_a_linter_finds_no_fault() -> None:
    if not LINTER.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [LINTER, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_it_is_slim_and_runs_as_nobody_in_particular() -> None:
    assert re.search(r"^FROM python:3\.1[123]-slim$", DOCKERFILE, re.MULTILINE)
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert "--require-hashes" in DOCKERFILE


def test_what_is_copied_reaches_the_builder() -> None:
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for source, _ in COPIED:
        assert any(source == path or source.startswith(f"{path}/") for path in kept), source


@pytest.mark.skipif(not has_namespaces(), reason="no namespace without a network can be made")
def test_what_is_copied_predicts_without_a_network(folder: Path, packages: Path) -> None:
    (image := folder / "image").mkdir()
    for source, target in COPIED:
        if source.startswith("models/"):
            (image / target).parent.mkdir(parents=True)
            shutil.copy(folder / source, image / target)
        elif (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, image / target, dirs_exist_ok=True)
        else:
            (image / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, image / target)
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(entry)
    assert program == "python"
    done = subprocess.run(
        [*ALONE, sys.executable, "-S", *arguments, str(folder / "cells")],
        cwd=image,
        env={"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    assert (image / "stages/common/errors.py").exists()
    assert not (image / "stages/train").exists()


def test_the_page_shows_how_it_is_built_and_run() -> None:
    comments = re.findall(r"^#     (docker .+)$", DOCKERFILE, re.MULTILINE)
    assert len(comments) == 2
    for command in comments:
        assert f"    {command}\n" in section("model-in-use.md", "Predict")
