"""The scripts in a real virtual environment, before and after it is moved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.workspace.movable_scripts import START, movable
from tests.conftest import ROOT

PYTHON = "import sys\nprint(sys.prefix)\n"
BODY = PYTHON.encode()


@pytest.mark.parametrize(
    "start",
    [
        "#!/a/.venv/bin/python\n",
        "#!/a/.venv/bin/python3.13\n# -*- coding: utf-8 -*-\n",
        "#!/bin/sh\n'''exec' \"/a b/.venv/bin/python\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' \"/a\n\"b\"/.venv/bin/python3\" \"$0\" \"$@\"\n' '''\n",
        START.decode(),
    ],
)
def test_every_form_of_the_first_lines_becomes_one(start: str) -> None:
    coding = b"# -*- coding: utf-8 -*-\n" if "coding" in start else b""
    assert movable(start.encode() + BODY) == START + coding + BODY


@pytest.mark.parametrize("other", [b"", b"\x7fELF\0#!/python\nimport", b"#!/bin/sh\necho import\n"])
def test_what_is_no_script_of_python_stays(other: bytes) -> None:
    assert movable(other) == other


@pytest.mark.integration
def test_scripts_run_in_a_path_with_quotes_and_after_a_move(tmp_path: Path) -> None:
    made = tmp_path / 'it\'s a "$new" place'
    venv = made / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    script = venv / "bin/tool"
    script.write_text(f"#!{venv}/bin/python\n{PYTHON}")
    script.chmod(0o755)
    with pytest.raises(OSError, match=r"tool"):
        subprocess.run([script], check=True)
    subprocess.run(
        [venv / "bin/python", "-m", "stages.workspace.movable_scripts"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        check=True,
    )
    moved = made.rename(tmp_path / "moved")
    (link := tmp_path / "link").symlink_to(moved / ".venv/bin/tool")
    for path in (moved / ".venv/bin/tool", link):
        told = subprocess.run([path], capture_output=True, text=True, check=True).stdout
        assert told == f"{moved / '.venv'}\n"
