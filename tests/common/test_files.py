from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from stages.common.files import atomic_path, write_csv, write_json, write_text
from tests.conftest import ROOT


class StopError(Exception):
    """What breaks off the writing of a file."""


def test_nothing_stands_at_the_destination_before_the_end(tmp_path: Path) -> None:
    destination = tmp_path / "new/folder/file.txt"
    with atomic_path(destination) as temporary:
        assert temporary.parent == destination.parent
        temporary.write_text("content")
        assert not destination.exists()
    assert destination.read_text() == "content"
    assert list(destination.parent.iterdir()) == [destination]


@pytest.mark.parametrize("folder", [False, True])
def test_an_error_leaves_what_stood_there_and_nothing_else(tmp_path: Path, *, folder: bool) -> None:
    destination = tmp_path / "output"
    destination.write_text("before")

    def fail() -> None:
        with atomic_path(destination) as temporary:
            if folder:
                temporary.mkdir()
                (temporary / "half").write_text("half")
            else:
                temporary.write_text("half")
            raise StopError

    with pytest.raises(StopError):
        fail()
    assert list(tmp_path.iterdir()) == [destination]
    assert destination.read_text() == "before"


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_file_or_folder_takes_the_place_of_either(
    tmp_path: Path, *, before: bool, after: bool
) -> None:
    def make(path: Path, text: str, *, folder: bool) -> Path:
        if folder:
            path.mkdir()
            path /= text
        path.write_text(text)
        return path

    destination = tmp_path / "output"
    make(destination, "before", folder=before)
    with atomic_path(destination) as temporary:
        made = make(temporary, "after", folder=after).relative_to(temporary)
    assert (destination / made).read_text() == "after"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        "after" if after else "output"
    ]


def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from stages.common.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.mkdir(); (temporary / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    destination = tmp_path / "output"
    subprocess.run([sys.executable, "-c", script, destination], cwd=ROOT, check=False)
    (leftover,) = tmp_path.iterdir()
    neighbours = [tmp_path / ".output.tmp", tmp_path / f".output.{os.getppid()}.tmp"]
    neighbours.append(tmp_path / leftover.name.replace("output", "output2"))
    for neighbour in neighbours:
        neighbour.touch()

    write_text("whole", destination)
    assert sorted(tmp_path.iterdir()) == sorted([destination, *neighbours])


def test_a_linked_output_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    # DVC may link outputs to its cache.
    for target in (tmp_path / "file", tmp_path / "folder/file"):
        target.parent.mkdir(exist_ok=True)
        target.write_text("cached")
    for name in ("file", "folder"):
        link = tmp_path / f"link to {name}"
        link.symlink_to(tmp_path / name)
        write_text("new", link)
        assert not link.is_symlink()
        assert link.read_text() == "new"
    assert (tmp_path / "file").read_text() == "cached"
    assert (tmp_path / "folder/file").read_text() == "cached"


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text("50 µm\nHEM\n", tmp_path / "file.txt")
    assert (tmp_path / "file.txt").read_bytes() == "50 µm\nHEM\n".encode()


def test_json_keeps_the_order_and_ends_in_a_newline(tmp_path: Path) -> None:
    write_json({"b": 1, "a": [0.1, None]}, tmp_path / "file.json")
    text = (tmp_path / "file.json").read_text()
    assert list(json.loads(text)) == ["b", "a"]
    assert text.endswith("}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_without_a_number_is_refused_and_not_written(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_json({"loss": number}, tmp_path / "file.json")
    assert not list(tmp_path.iterdir())


def test_csv_holds_the_columns_and_no_index(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"b": [1, 2], "a": ["x", "y, z"]}), tmp_path / "file.csv")
    assert (tmp_path / "file.csv").read_bytes() == b'b,a\n1,x\n2,"y, z"\n'


def test_a_full_disk_is_told_with_the_file_that_found_no_room(tmp_path: Path) -> None:
    destination = tmp_path / "report.json"
    with (
        pytest.raises(OSError, match=f"No space left on device: '{destination}'"),
        atomic_path(destination),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
