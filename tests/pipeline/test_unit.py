"""`make unit` leaves out what needs TensorFlow, DVC, a server or a browser, and refuses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit import FIXTURES

pytestmark = pytest.mark.integration

REFUSED = {
    "import tensorflow": "imports tensorflow",
    "import socket\n    socket.socket().bind(('127.0.0.1', 0))": "starts a server",
    "import subprocess\n    subprocess.run(['dvc', '--version'])": "runs dvc",
}


def unit(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.unit", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--rootdir", ROOT, folder], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("statement", "words"), REFUSED.items(), ids=REFUSED.values())
def test_a_unit_test_that_needs_more_fails(tmp_path: Path, statement: str, words: str) -> None:
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    {statement}\n")
    done = unit(tmp_path)
    assert done.returncode == 1
    assert f"a unit test {words}" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "import keras\ndef test_it():\n    assert False\n",
        "from stages.train import learning_rate_policy\ndef test_it():\n    assert False\n",
        "import pytest\n@pytest.mark.integration\ndef test_it():\n    assert False\n",
        "def test_it(kaggle):\n    assert False\n",
    ],
    ids=["imports keras", "imports what imports keras", "marked", "a server as fixture"],
)
def test_what_needs_more_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "test_it.py").write_text(text)
    assert unit(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_a_fixture_that_is_left_out_exists(name: str) -> None:
    files = (ROOT / "tests").rglob("*.py")
    assert any(f"def {name}(" in file.read_text(encoding="utf-8") for file in files)


def test_the_makefile_runs_it_so() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "unit"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m pytest --numprocesses 2 -p tests.unit" in done.stdout
