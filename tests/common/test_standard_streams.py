"""Stages in processes of their own, whose output nobody can take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = """
import contextlib, os
from pathlib import Path
from stages.common.progress import progress
from stages.common.stage_entry import run_stage

def worker(*, made: Path) -> str:
    '''Make a file while nobody takes what it prints.'''
    if os.environ.get("IMPATIENT"):
        os.set_blocking(1, False)
    if os.environ.get("NOISY"):
        print("x" * 200_000)
    print("\\u2192 \\udcff", flush=True)
    with progress(total=2, description="Working \\u2192", unit="step") as bar:
        for _ in range(2):
            bar.update()
    with made.open("wb") as file:
        with contextlib.suppress(OSError):
            os.write(2, b"from C++ code")
        file.write(b"made")
    return f"all is well \\u2192 {made}"

run_stage(worker)
"""
LAST = "worker: all is well {} made"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def run(
    folder: Path, redirections: str = "", *, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the stage in a shell that redirects its streams; return what reaches this process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    script = f'"$PYTHON" -c "$PROGRAM" --made made {redirections}; echo "exit code $?" > code'
    finished = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment | {"PROGRAM": PROGRAM} | dict(variables or {}),
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    assert (folder / "code").read_text() == "exit code 0\n", finished.stderr
    assert (folder / "made").read_bytes() == b"made"
    return finished


@pytest.mark.parametrize(
    ("variables", "arrow"),
    [
        ({"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}, "\\u2192"),
        ({"PYTHONIOENCODING": "latin-1:strict"}, "\\u2192"),
        ({"PYTHONIOENCODING": "utf-8"}, "→"),
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "\\u2192"),
    ],
)
def test_a_stage_prints_in_every_encoding(
    folder: Path, variables: dict[str, str], arrow: str
) -> None:
    printed = run(folder, variables=variables).stdout.splitlines()
    assert printed[-1] == LAST.format(arrow)


@pytest.mark.parametrize(
    "redirections",
    [
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
        "> /dev/full 2>&1",
        "> >(:) 2>&1",
        "2> >(:)",
        "> >(head -c 1 > /dev/null)",
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stage_ends_well_where_nobody_takes_what_it_prints(
    folder: Path, redirections: str, unbuffered: str
) -> None:
    finished = run(folder, redirections, variables={"NOISY": "1", "PYTHONUNBUFFERED": unbuffered})
    assert "Traceback" not in finished.stderr
    assert "Exception ignored" not in finished.stderr


def test_a_pipe_that_does_not_wait_gets_every_byte(folder: Path) -> None:
    variables = {"NOISY": "1", "IMPATIENT": "1", "PYTHONIOENCODING": "ascii"}
    run(folder, "> >(sleep 0.5; wc -c > count); sleep 1", variables=variables)
    expected = 200_000 + len("\n\\u2192 \\udcff\n") + len(LAST.format("\\u2192")) + 1
    assert int((folder / "count").read_text()) == expected


def test_the_rest_is_printed_as_ever(folder: Path) -> None:
    finished = run(folder)
    assert finished.stdout.splitlines() == ["→ \\udcff", LAST.format("→")]
    assert "Working" in finished.stderr


PROGRAMS = [
    path
    for path in sorted((ROOT / "stages").rglob("*.py"))
    if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_program_prints_in_every_encoding(path: Path) -> None:
    program = path.read_text(encoding="utf-8")
    *_, start = program.rpartition('if __name__ == "__main__":\n')
    first = start.strip().partition("(")[0]
    is_command = '\n@command("' in program and first == "sys.exit"
    assert is_command or first in ("run_stage", "protect_standard_streams")
