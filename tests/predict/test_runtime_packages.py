"""What predict needs: the packages of requirements-predict.txt and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.test_requirements import pins

from .conftest import PINS, cell, encoded, files

MOST_BYTES = 200_000_000


def run(packages: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run predict with the packages in one folder alone: -S hides those of the environment."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "stages.predict", *arguments],
        cwd=folder,
        env={"PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_they_are_onnxruntime_numpy_pillow_and_what_these_need() -> None:
    assert set(PINS) == {
        *("onnxruntime", "numpy", "pillow"),
        *("flatbuffers", "packaging", "protobuf"),
    }


def test_their_versions_are_those_of_the_stages() -> None:
    stages = pins("requirements.txt")
    assert {name: PINS[name] for name in PINS if name in stages} == {
        name: stages[name] for name in PINS if name in stages
    }


def test_predict_runs_with_them_alone(packages: Path, folder: Path) -> None:
    (folder / "cell.png").write_bytes(encoded(cell(1)))
    for form in ("csv", "json"):
        done = run(packages, folder, "cells", "more.zip", "cell.png", "--tta", "--format", form)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 13 + (form == "csv")


def test_parquet_and_a_revision_say_what_they_need_besides(packages: Path, folder: Path) -> None:
    done = run(packages, folder, "cells", "--format", "parquet", "--output", "table.parquet")
    assert done.returncode == 2
    assert "`python -m pip install pyarrow` installs it" in done.stderr
    for command in ("init", "add -A", "-c user.name=A -c user.email=a@b commit -m x", "tag v1"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True, capture_output=True)
    done = run(packages, folder, "cells", "--model", "v1")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "--model v1: the model of a revision is brought by DVC, which is not installed" in line


@pytest.mark.parametrize("package", ["onnxruntime", "PIL", "numpy"])
def test_one_that_is_missing_is_one_line(packages: Path, folder: Path, package: str) -> None:
    (packages / package).rename(packages / "gone")
    done = run(packages, folder, "cells")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"No module named '{package}'" in line
    assert "--requirement requirements-predict.txt` installs it" in line


def test_they_take_no_more_than_is_promised() -> None:
    sizes = [path.size or 0 for name in PINS for path in files(name)]
    assert sum(sizes) < MOST_BYTES
