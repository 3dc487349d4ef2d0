"""States of finished trainings; with a real DVC in tests/dvc/faults_of_training.py."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.common.finished_training import (
    discard,
    discard_earlier,
    discard_if_recorded,
    discard_recorded,
    is_finished,
    locked,
    mark_finished,
    unmark,
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unfinished state, in a folder that DVC does not know."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAIN_STATE_DIR", raising=False)
    (state := Path(".train_state/a")).mkdir(parents=True)
    Path("model").write_bytes(b"a model")
    return state


def test_a_state_is_finished_from_its_mark_on(state: Path) -> None:
    assert not is_finished(state)
    mark_finished(state, model=Path("model"))
    assert is_finished(state)
    unmark(state)
    assert not is_finished(state)


@pytest.mark.integration
@pytest.mark.parametrize("stage", ["", "train", "../dvc.yaml:train"])
def test_where_dvc_cannot_be_asked_the_state_stays(
    state: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv("DVC_STAGE", stage)
    mark_finished(state, model=Path("model"))
    assert not discard_if_recorded(state)
    discard_recorded(Path("model"))
    discard_earlier([state])
    assert is_finished(state)


@pytest.mark.integration
@pytest.mark.parametrize("mark", ["", "[]", "{}", '{"stage": "train"}'])
def test_a_mark_that_says_nothing_leaves_the_state(state: Path, mark: str) -> None:
    (state / "finished.json").write_text(mark)
    assert not discard_if_recorded(state)
    discard_recorded(Path("model"))
    assert state.exists()


def test_without_a_model_or_states_nothing_is_discarded(state: Path) -> None:
    discard_recorded(Path("nowhere"))
    state.rmdir()
    state.parent.rmdir()
    discard_recorded(Path("model"))


def test_a_discarded_state_leaves_nothing(state: Path) -> None:
    mark_finished(state, model=Path("model"))
    discard(state)
    assert not list(state.parent.iterdir())


def test_a_state_in_use_is_not_discarded(state: Path) -> None:
    with locked(state / "lock"), pytest.raises(StageError, match="another training runs here"):
        discard(state)
    assert state.exists()


def test_a_lock_is_held_by_one_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "folder/lock"
    with (
        locked(path),
        pytest.raises(StageError, match=r"another training runs here \(it holds .*folder/lock\)"),
        locked(path),
    ):
        pass
    with locked(path):
        pass


def test_a_disk_without_locks_is_said_in_one_line(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)  # as NFS and Lustre do, where they are mounted so
    with pytest.raises(StageError, match=r"cannot be locked \(No locks available\), expected"):  # noqa: SIM117
        with locked(state / "lock"):
            pass


def test_a_folder_of_states_that_takes_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(StageError, match=r"cannot hold the state .* let it name another$"):  # noqa: SIM117
        with locked(tmp_path / "a file/state/lock"):
            pass
