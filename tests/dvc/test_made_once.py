from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.dvc.made_once import MadeOnce


def test_while_one_makes_it_the_others_must_wait(tmp_path: Path) -> None:
    def make(folder: Path) -> Path:
        with (tmp_path / "it.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return folder / "made"

    assert MadeOnce(tmp_path)("it", make) == tmp_path / "it-0/made"


def test_what_is_made_is_not_made_again(tmp_path: Path) -> None:
    begun = []

    def make(folder: Path) -> list[Path]:
        begun.append(folder)
        return begun

    assert MadeOnce(tmp_path)("it", make) == MadeOnce(tmp_path)("it", make) == begun
    assert len(begun) == 1


def test_after_a_failure_the_next_one_begins_in_an_empty_folder(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        MadeOnce(tmp_path)("it", fail)
    assert MadeOnce(tmp_path)("it", lambda folder: list(folder.iterdir())) == []
