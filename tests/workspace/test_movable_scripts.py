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


UV = b'\x7fELF\0\n_OLD_VIRTUAL_PATH="$PATH"\n'
"""A program that makes environments has the text of their `activate` in it."""


@pytest.mark.parametrize(
    "other", [b"", b"\x7fELF\0#!/python\nimport", UV, b"#!/bin/sh\necho import\n"]
)
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
    bash = activated("bash", made)
    assert bash == f"{venv}\n{script}\n"
    moved = made.rename(tmp_path / "mo'ved")
    assert activated("bash", moved) == bash.replace(str(made), str(moved))
    (link := tmp_path / "link").symlink_to(moved / ".venv/bin/tool")
    for path in (moved / ".venv/bin/tool", link):
        told = subprocess.run([path], capture_output=True, text=True, check=True).stdout
        assert told == f"{moved / '.venv'}\n"


def activated(shell: str, folder: Path) -> str:
    """What is found once a shell in another folder has activated the environment."""
    program = 'cd "$1" && . ./.venv/bin/activate && cd / && echo "$VIRTUAL_ENV" && command -v tool'
    command = [shell, "-c", program, shell, folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_activate_is_changed_once_and_for_bash_alone(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    scripts = {path.name: path.read_bytes() for path in (tmp_path / "venv/bin").glob("*ctivate*")}
    changed = {name: movable(content) for name, content in scripts.items()}
    assert [name for name in scripts if scripts[name] != changed[name]] == ["activate"]
    assert movable(changed["activate"]) == changed["activate"]
    (tmp_path / "venv/bin/activate").write_bytes(changed["activate"])
    (tmp_path / "venv/bin/tool").symlink_to("/bin/true")
    (tmp_path / ".venv").symlink_to("venv")
    assert activated("sh", tmp_path).endswith("bin/tool\n")
