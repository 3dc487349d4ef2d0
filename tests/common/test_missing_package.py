"""What each program says in a Python without the packages: -S hides those of the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAMS = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for path in ROOT.glob("stages/**/*.py")
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    and path.name != "repro_summary.py"  # needs no package
    and path.parent.name != "predict"  # needs few; see tests/predict/test_runtime_packages.py
)
BROKEN = """\
from stages.common.missing_package import explain_missing_packages
explain_missing_packages()
{}
"""


def told(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_package_that_is_missing_is_one_line_with_the_remedy(program: str) -> None:
    (line,) = told("-m", program).splitlines()
    assert line.startswith("No module named '")
    assert f"{Path(sys.executable)} has not the packages of requirements.txt; `make repro`" in line


@pytest.mark.parametrize("fault", ["from stages.common import no_such_module", "1 / 0"])
def test_a_fault_of_this_project_keeps_its_traceback(fault: str) -> None:
    assert told("-c", BROKEN.format(fault)).startswith("Traceback")


def test_a_package_of_another_version_is_one_line() -> None:
    (line,) = told("-c", BROKEN.format("from json import parse")).splitlines()
    assert line.startswith("cannot import name 'parse' from 'json'")
