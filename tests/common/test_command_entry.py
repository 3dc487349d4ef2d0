from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.command_entry import ERROR, command
from stages.common.errors import CLONE, StageError
from tests.conftest import ROOT

PRINTS = """\
from stages.common.command_entry import command
@command("it")
def main():
    print({what})
    return 0
raise SystemExit(main())
"""


def printed(what: str, *, to: int = subprocess.PIPE, encoding: str = "utf-8") -> tuple[int, str]:
    """The exit code of a command that prints, and what it wrote on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PRINTS.format(what=what)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        stdout=to,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StageError("what to do"), "it: what to do\n"),
        (IsADirectoryError(21, "Is a directory", "a file"), "Is a directory: 'a file'\n"),
        (PermissionError(13, "Permission denied", "a file"), f"denied: 'a file'; {CLONE}\n"),
        (OSError(30, "Read-only file system", "a file"), f"file system: 'a file'; {CLONE}\n"),
    ],
)
def test_an_error_is_one_line_and_its_own_exit_code(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @command("it")
    def main() -> int:
        raise error

    assert main() == ERROR
    told = capsys.readouterr().err
    assert told.startswith("it: ")
    assert told.endswith(line)


def test_an_interruption_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @command("it")
    def main() -> int:
        raise KeyboardInterrupt

    assert main() == 130
    assert capsys.readouterr().err == "it: interrupted\n"


def test_arguments_and_exit_code_go_through() -> None:
    @command("it")
    def main(first: int, *, second: int) -> int:
        return first + second

    assert main(1, second=2) == 3


def test_what_an_encoding_lacks_is_printed_as_its_number() -> None:
    assert printed("'→'", encoding="ascii") == (0, "")


def test_a_reader_that_has_gone_is_one_line() -> None:
    read, write = os.pipe()
    os.close(read)
    code, told = printed("'x' * 1_000_000", to=write)
    os.close(write)
    assert (code, told) == (ERROR, "it: [Errno 32] Broken pipe\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        code, told = printed("1", to=full.fileno())
    assert (code, told) == (ERROR, "it: [Errno 28] No space left on device\n")
