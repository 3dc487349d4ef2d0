from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.download.origin import FileVersion
from stages.download.partial_file import (
    PartialFile,
    check_space,
    disk_full_as_stage_error,
    locked_partial,
    state_folder,
)
from tests.conftest import ROOT

EDITION = FileVersion(size=6, validator='"a"', md5="0f")


def filled(folder: Path, content: bytes, version: FileVersion = EDITION) -> PartialFile:
    partial = PartialFile(folder, "source")
    partial.restart(version)
    partial.write([content], start=0, advance=lambda _: None)
    return partial


def test_the_next_run_finds_bytes_and_edition(tmp_path: Path) -> None:
    filled(tmp_path, b"abc")
    found = PartialFile(tmp_path, "source")
    assert (found.size, found.version, found.resumes_at) == (3, EDITION, 3)
    assert PartialFile(tmp_path, "another source").size == 0


@pytest.mark.parametrize(
    ("content", "version", "resumes_at"),
    [
        (b"", EDITION, 0),
        (b"abcdef", EDITION, 5),
        (b"abcdefg", EDITION, 0),
        (b"abc", FileVersion(size=6), 0),
        (b"abc", FileVersion(validator='"a"'), 3),
    ],
)
def test_only_bytes_of_a_known_edition_are_used_again(
    tmp_path: Path, content: bytes, version: FileVersion, resumes_at: int
) -> None:
    assert filled(tmp_path, content, version).resumes_at == resumes_at


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]", b"\xff", b'{"size": 6}'])
def test_bytes_without_a_readable_note_are_not_used(tmp_path: Path, note: bytes) -> None:
    filled(tmp_path, b"abc")
    (tmp_path / next(tmp_path.glob("*.json")).name).write_bytes(note)
    assert PartialFile(tmp_path, "source").resumes_at == 0


def test_a_new_edition_forgets_the_bytes_before_it_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    partial = filled(tmp_path, b"abc")
    monkeypatch.setattr("stages.download.partial_file.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        partial.restart(FileVersion(size=6, validator='"b"'))
    assert PartialFile(tmp_path, "source").size == 0


def test_what_stood_after_the_start_goes(tmp_path: Path) -> None:
    partial = filled(tmp_path, b"abcdef")
    advanced: list[int] = []
    partial.write([b"x", b"y"], start=2, advance=advanced.append)
    assert partial.path.read_bytes() == b"abxy"
    assert advanced == [1, 1]


def test_the_note_holds_no_more_than_it_is_given(tmp_path: Path) -> None:
    filled(tmp_path, b"abc")
    (note,) = tmp_path.glob("*.json")
    assert "source" in note.read_text()
    assert "source" not in note.name


def test_a_finished_file_is_handed_over_without_a_copy(tmp_path: Path) -> None:
    partial = filled(tmp_path, b"abcdef")
    inode = partial.path.stat().st_ino
    partial.move(tmp_path / "cnmc.zip")
    assert (tmp_path / "cnmc.zip").stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == ["cnmc.zip"]


def test_it_is_copied_where_a_rename_cannot_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    partial = filled(tmp_path, b"abcdef")
    monkeypatch.setattr("os.rename", refuse)
    partial.move(tmp_path / "cnmc.zip")
    assert (tmp_path / "cnmc.zip").read_bytes() == b"abcdef"
    assert [path.name for path in tmp_path.iterdir()] == ["cnmc.zip"]


@pytest.fixture
def other_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed."""
    program = (
        "import pathlib, sys, time; from stages.download.partial_file import locked_partial\n"
        "with locked_partial(pathlib.Path(sys.argv[1]), 'source', name='it'):\n"
        "    print('locked', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_second_run_is_told_so_at_once(tmp_path: Path, other_run: subprocess.Popen[str]) -> None:
    expected = r"^the archive: another run is fetching it \(it holds .*\.lock\); wait until that"
    with (
        pytest.raises(StageError, match=expected),
        locked_partial(tmp_path, "source", name="the archive"),
    ):
        pass
    with locked_partial(tmp_path, "another source", name="the archive"):
        pass
    other_run.kill()
    other_run.wait()
    with locked_partial(tmp_path, "source", name="the archive") as partial:
        assert partial.size == 0


def test_the_folder_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLOAD_STATE_DIR", "/somewhere")
    assert state_folder() == Path("/somewhere")
    for unset in ("", None):
        monkeypatch.setenv("DOWNLOAD_STATE_DIR", unset or "")
        assert state_folder() == Path(".download")
    monkeypatch.delenv("DOWNLOAD_STATE_DIR")
    assert state_folder() == Path(".download")


@pytest.mark.parametrize("run", ["standalone/tmp12", "tmp34/below/the root"])
def test_an_experiment_beside_the_workspace_has_the_folder_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    monkeypatch.delenv("DOWNLOAD_STATE_DIR")
    (folder := tmp_path / ".dvc/tmp/exps" / run).mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert state_folder() == tmp_path / ".download"


def test_the_folder_is_ignored_by_git_and_dvc() -> None:
    assert "/.download/" in (ROOT / ".gitignore").read_text().splitlines()
    assert ".download/" in (ROOT / ".dvcignore").read_text().splitlines()


def test_both_disks_need_room(tmp_path: Path) -> None:
    check_space(tmp_path / "part", tmp_path / "zip", size=1000, name="it")
    with pytest.raises(StageError, match=rf"^it: 1{',000' * 6} bytes are needed in {tmp_path}, "):
        check_space(tmp_path / "part", tmp_path / "zip", size=10**18, name="it")
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system at /dev/shm")
    (tmp_path / "part").touch()
    os.truncate(tmp_path / "part", 10**12)  # all there, without a byte on the disk
    with pytest.raises(StageError, match=f"bytes are needed in {elsewhere}, "):
        check_space(tmp_path / "part", elsewhere / "zip", size=10**12, name="it")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, number: int) -> None:
    expected = (
        rf"^{tmp_path}/part: {os.strerror(number)} \([\d,]+ bytes are free there\); make room"
    )
    with pytest.raises(StageError, match=expected), disk_full_as_stage_error(tmp_path / "part"):
        raise OSError(number, os.strerror(number))


def test_other_trouble_with_a_disk_keeps_its_own_text(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="Input/output error"),
        disk_full_as_stage_error(tmp_path / "part"),
    ):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
