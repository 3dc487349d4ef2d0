"""The saved state of a training: the next run resumes from it if a run was killed.

    .train_state/lock                       held while a training runs in this workspace
    <state folder>/<fingerprint>/lock       held while a training uses this state
    <state folder>/<fingerprint>/checkpoint-<epochs>-<steps>/
    <state folder>/last_run.json            times and rates of the last training that succeeded

The state is no DVC output: DVC would delete it before a run, or reuse it after a parameter change.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.train.state.checkpoint import (
    Checkpoint,
    CorruptError,
    checkpoint_folders,
    read_checkpoint,
    write_checkpoint,
)

WORKSPACE_LOCK = Path(".train_state/lock")
_FULL = (errno.ENOSPC, errno.EDQUOT)
KEPT = 2
"""Number of checkpoints kept: if the latest is corrupt, a run resumes from the one before."""


def state_folder() -> Path:
    """Return the folder of all states: TRAIN_STATE_DIR if it is set, else `.train_state`."""
    return Path(os.environ.get("TRAIN_STATE_DIR") or ".train_state")


@dataclass(frozen=True)
class Saved:
    """Size of a checkpoint in bytes, and seconds for writing it."""

    size: int
    seconds: float


class TrainState:
    """The checkpoints of one training, identified by its fingerprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def latest(self) -> Checkpoint | None:
        """Read the latest intact checkpoint; remove corrupt ones and report them."""
        for leftover in sorted(self.folder.glob(".checkpoint-*.tmp")):  # of a killed run
            shutil.rmtree(leftover)
        for folder in checkpoint_folders(self.folder):
            try:
                return read_checkpoint(folder)
            except CorruptError as error:
                _tell(f"{folder} is corrupt ({error}): removed; the one before it counts, if any")
                shutil.rmtree(folder)
        return None

    def save(self, checkpoint: Checkpoint) -> Saved | None:
        """Write a checkpoint, then remove old ones; if the disk is full, print a message instead.

        Returns:
            Its size and seconds; None if the disk was full. Earlier checkpoints are then kept.
        """
        started = time.monotonic()
        try:
            folder = write_checkpoint(checkpoint, self.folder)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            free = shutil.disk_usage(self.folder).free
            _tell(
                f"no checkpoint, training goes on without: {self.folder.absolute()}: "
                f"{error.strerror} ({free:,} bytes are free there); make room, and the next one "
                "will be written"
            )
            return None
        for old in checkpoint_folders(self.folder)[KEPT:]:
            shutil.rmtree(old)
        size = sum(file.stat().st_size for file in folder.iterdir())
        return Saved(size, time.monotonic() - started)

    def discard(self) -> None:
        """Remove the whole state; for other processes it disappears at once."""
        doomed = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.tmp")
        self.folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)  # `open_state` removes leftovers


@contextlib.contextmanager
def open_state(fingerprint: str) -> Iterator[TrainState]:
    """Open the state of the training with this fingerprint, for this process only.

    Raises:
        StageError: at once, if another process has it open.
    """
    folder = state_folder() / fingerprint
    with locked(folder / "lock"):
        for discarded in folder.parent.glob(f".{fingerprint}.*.tmp"):
            shutil.rmtree(discarded, ignore_errors=True)
        yield TrainState(folder)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock inside this block; the end of the process always releases it.

    Raises:
        StageError: at once, if another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"another training runs here (it holds {path.absolute()}); wait until that one "
                "has ended, or stop it, then run this again"
            ) from error
        yield


def other_states(fingerprint: str) -> dict[Path, int]:
    """Return the folders of unfinished trainings other than this one, and their sizes in bytes."""
    found = {}
    for folder in sorted(state_folder().iterdir()):
        if folder.name == fingerprint or folder.name.startswith(".") or not folder.is_dir():
            continue
        with contextlib.suppress(FileNotFoundError):  # its training has just changed or removed it
            if checkpoints := checkpoint_folders(folder):
                files = (file for checkpoint in checkpoints for file in checkpoint.iterdir())
                found[folder] = sum(file.stat().st_size for file in files)
    return found


def write_last_run(run: Mapping[str, Any]) -> None:
    """Write the figures of the last run; if the disk is full, print a message instead."""
    try:
        write_json(run, state_folder() / "last_run.json")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _tell(f"{state_folder() / 'last_run.json'} is not written: {error.strerror}")


def _tell(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)
