import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.common.errors import StageError
from stages.common.finished_training import is_finished, state_folder
from stages.train.state import train_state as state_module
from stages.train.state.checkpoint import Checkpoint, checkpoint_folders
from stages.train.state.train_state import TrainState, open_state, other_states
from tests.conftest import ROOT
from tests.train.scene import ENVIRONMENT, Scene, command


def checkpoint(epoch: int, *, size: int = 10) -> Checkpoint:
    return Checkpoint(epoch, 0, {"network": [np.full(size, epoch, np.uint8)]}, {"epoch": epoch})


def epochs(state: TrainState) -> list[str]:
    return [folder.name[11:17].lstrip("0") for folder in checkpoint_folders(state.folder)]


@pytest.fixture
def state(tmp_path: Path) -> TrainState:
    return TrainState(tmp_path)


def test_a_state_without_checkpoints_has_no_latest(state: TrainState) -> None:
    assert state.latest() is None


def test_the_last_two_are_kept(state: TrainState) -> None:
    for epoch in (1, 2, 3):
        saved = state.save(checkpoint(epoch))
        assert saved is not None
        assert saved.size == sum(
            file.stat().st_size for file in checkpoint_folders(state.folder)[0].iterdir()
        )
    assert epochs(state) == ["3", "2"]
    latest = state.latest()
    assert latest is not None
    assert latest.notes == {"epoch": 3}


def test_corrupt_ones_are_removed_and_told_of_until_one_is_sound(
    state: TrainState, capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in (1, 2):
        state.save(checkpoint(epoch))
    (state.folder / "checkpoint-000002-000000000/notes.json").write_text("{}")
    latest = state.latest()
    assert latest is not None
    assert latest.epoch == 1
    told = "checkpoint-000002-000000000 is corrupt (notes.json does not match its SHA-256): removed"
    assert told in capsys.readouterr().err
    assert epochs(state) == ["1"]
    (state.folder / "checkpoint-000001-000000000/arrays.npz").unlink()
    assert state.latest() is None
    assert "arrays.npz is missing" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_tried_again(
    state: TrainState,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    state.save(checkpoint(1))

    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr("stages.train.state.checkpoint._write_text", full)
        assert state.save(checkpoint(2)) is None
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"training goes on without: {state.folder}: {os.strerror(number)} (" in told
    assert [path.name for path in state.folder.iterdir()] == ["checkpoint-000001-000000000"]
    assert state.save(checkpoint(3)) is not None


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EROFS, errno.ESTALE])
def test_any_other_fault_of_the_disk_costs_a_checkpoint_and_no_training(
    state: TrainState,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    for epoch in (1, 2):
        state.save(checkpoint(epoch))

    def broken(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("stages.train.state.checkpoint._write_text", broken)
    assert state.save(checkpoint(3)) is None
    assert f"{state.folder}: {os.strerror(number)}" in capsys.readouterr().err
    assert epochs(state) == ["2", "1"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB; the test skips where it may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("no disk of its own may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full_keeps_the_checkpoint_before(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = TrainState(small_disk)
    assert state.save(checkpoint(1, size=400_000)) is not None
    assert state.save(checkpoint(2, size=900_000)) is None
    assert "No space left on device" in capsys.readouterr().err
    latest = state.latest()
    assert latest is not None
    assert latest.epoch == 1
    assert state.save(checkpoint(3, size=400_000)) is not None


def test_on_a_full_disk_a_checkpoint_takes_the_place_of_the_older_one(small_disk: Path) -> None:
    state = TrainState(small_disk)
    for epoch in (1, 2, 3, 4):
        assert state.save(checkpoint(epoch, size=400_000)) is not None
    assert epochs(state) == ["4", "3"]


def test_a_disk_without_room_for_two_checkpoints_is_told_before_training(small_disk: Path) -> None:
    state = TrainState(small_disk)
    state.require_room(500_000)
    with pytest.raises(
        StageError,
        match=r"disk: [0-9,]+ bytes are free, expected 1,400,000 for 2 checkpoints .* TRAIN_STATE_",
    ):
        state.require_room(700_000)


def test_a_finished_state_keeps_the_latest_checkpoint_alone(tmp_path: Path) -> None:
    state = TrainState(tmp_path / "state")
    for epoch in (1, 2):
        state.save(checkpoint(epoch))
    (tmp_path / "model").touch()
    state.finish(tmp_path / "model")
    assert epochs(state) == ["2"]
    assert is_finished(state.folder)


def test_a_state_that_is_opened_again_is_not_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path))
    (tmp_path / "model").touch()
    with open_state("a") as state:
        state.save(checkpoint(1))
        state.finish(tmp_path / "model")
    with open_state("a") as state:
        assert epochs(state) == ["1"]
        assert not is_finished(state.folder)


def test_state_lies_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TRAIN_STATE_DIR", raising=False)
    assert state_folder() == Path(".train_state")
    (beside := tmp_path / ".dvc/tmp/exps/tmp12").mkdir(parents=True)
    monkeypatch.chdir(beside)
    assert state_folder() == tmp_path / ".train_state"
    monkeypatch.setenv("TRAIN_STATE_DIR", "states")
    assert state_folder() == tmp_path / "states"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAIN_STATE_DIR", "~/states")  # as --env and --export leave it
    assert state_folder() == tmp_path / "home/states"
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path / "else"))
    with open_state("a") as state:
        assert state.folder == tmp_path / "else/a"


def test_states_of_other_trainings_are_those_with_checkpoints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path))
    for fingerprint in ("c", "a", "b"):
        with open_state(fingerprint) as state:
            state.save(checkpoint(1))
    with open_state("empty"):
        pass
    (tmp_path / "last_run.json").touch()
    assert list(other_states("b")) == [tmp_path / "a", tmp_path / "c"]


def test_a_state_that_its_own_training_removes_just_then_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path))
    for fingerprint in ("a", "b"):
        with open_state(fingerprint) as state:
            saved = state.save(checkpoint(1))

    def found_and_gone(folder: Path) -> list[Path]:
        found = checkpoint_folders(folder)
        if folder.name == "a":
            (tmp_path / "a").rename(tmp_path / ".a.1.tmp")
        return found

    monkeypatch.setattr(state_module, "checkpoint_folders", found_and_gone)
    assert saved is not None
    assert other_states("c") == {tmp_path / "b": saved.size}


def test_states_that_cannot_be_read_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path))
    (tmp_path / "a").mkdir()

    def denied(folder: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(state_module, "checkpoint_folders", denied)
    assert other_states("b") == {}
    monkeypatch.setenv("TRAIN_STATE_DIR", str(tmp_path / "nowhere"))
    assert other_states("b") == {}


@pytest.mark.integration
def test_of_two_trainings_in_a_workspace_the_second_stops_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    first = subprocess.Popen(
        command("step", 2, "STOP"),
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status = os.waitpid(first.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    stage = [sys.executable, "-m", "stages.train"]
    for option in ("shards", "cells-csv", "keras-home", "model-keras", "report", "history-csv"):
        stage += [f"--{option}", option]
    (tmp_path / "tensorflow.py").write_text("raise ImportError('TensorFlow is wanted')")
    without_tensorflow = ENVIRONMENT | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    try:
        second = subprocess.run(
            stage, cwd=tmp_path, env=without_tensorflow, capture_output=True, text=True, check=False
        )
    finally:
        os.kill(first.pid, signal.SIGCONT)
    _, status = os.waitpid(first.pid, 0)
    first.returncode = os.waitstatus_to_exitcode(status)
    assert first.returncode == 0
    assert second.returncode == 1
    assert second.stderr == (
        f"train: another training runs here (it holds {tmp_path}/.train_state/lock); wait until "
        "that one has ended, or stop it, then run this again\n"
    )
    assert len(scene.outputs()) == 3
