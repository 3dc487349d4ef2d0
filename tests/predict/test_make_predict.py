"""`make predict`, in an environment that stands for .venv."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.integration


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(sys.executable)
    for stamp in (".made", ".requirements-predict.txt"):
        (venv / stamp).touch()
    return subprocess.run(
        ["make", "--no-print-directory", f"VENV={venv}", "predict", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_images_and_options_go_to_the_command(folder: Path) -> None:
    images = f'{folder}/cells {folder}/more.zip "{folder}/cells/b/1.png"'
    done = make(
        folder,
        f"IMAGES={images}",
        f"OPTIONS=--tta --model {folder}/models/model.onnx --format json",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 13
    assert all(line.startswith('{"name": "') for line in lines)


def test_without_images_it_says_how(folder: Path) -> None:
    done = make(folder)
    assert done.returncode == 2
    assert 'make predict IMAGES="folder another.zip cell.png"' in done.stderr
    assert done.stdout == ""
