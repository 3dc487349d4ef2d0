"""The saved state of a training: the next run resumes from it if a run was killed.

    .train_state/lock                       held while a training runs in this workspace
    <state folder>/<fingerprint>/lock, finished.json: see stages/common/finished_training.py
    <state folder>/<fingerprint>/inputs.json: see stages/train/state/earlier_training.py
    <state folder>/<fingerprint>/checkpoint-<epochs>-<steps>/
    <state folder>/last_run.json            times and rates of the last training that succeeded

The state is no DVC output: DVC would delete it before a run, or reuse it after a parameter change.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.common.finished_training import (
    discard_if_recorded,
    locked,
    mark_finished,
    state_folder,
    unmark,
)
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


@dataclass(frozen=True)
class Saved:
    """Size of a checkpoint in bytes, and seconds for writing it."""

    size: int
    seconds: float


class TrainState:
    """The checkpoints of one training, identified by its fingerprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_checkpoint(self) -> bool:
        """Return whether there is a checkpoint, intact or not."""
        return bool(checkpoint_folders(self.folder))

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

    def require_room(self, size: int) -> None:
        """Check that the disk has room for what a training keeps, before it has anything to lose.

        Args:
            size: that of a checkpoint in bytes.

        Raises:
            StageError: if it has not.
        """
        free = shutil.disk_usage(self.folder).free
        if free < KEPT * size:
            raise StageError(
                f"{self.folder.absolute()}: {free:,} bytes are free, expected {KEPT * size:,} for "
                f"{KEPT} checkpoints of this training; make room, or name a folder on another "
                "disk: TRAIN_STATE_DIR=/path"
            )

    def save(self, checkpoint: Checkpoint) -> Saved | None:
        """Write a checkpoint, then remove old ones; if it cannot be written, say so instead.

        Returns:
            Its size and seconds; None if it could not be written. Of the earlier ones the latest is
            then kept.
        """
        started = time.monotonic()
        try:
            folder = self._write(checkpoint)
            self._remove_all_but(KEPT)
            size = sum(file.stat().st_size for file in folder.iterdir())
        except OSError as error:
            _tell(
                f"no checkpoint, training goes on without: {self.folder.absolute()}: "
                f"{error.strerror}{self._free()}; once this is mended, the next one will be written"
            )
            return None
        return Saved(size, time.monotonic() - started)

    def _write(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint, if need be in the place of the older one."""
        try:
            return write_checkpoint(checkpoint, self.folder)
        except OSError as error:
            if error.errno not in _FULL or not self._remove_all_but(1):
                raise
            return write_checkpoint(checkpoint, self.folder)

    def _free(self) -> str:
        with contextlib.suppress(OSError):
            return f" ({shutil.disk_usage(self.folder).free:,} bytes are free there)"
        return ""

    def finish(self, model: Path) -> None:
        """Keep the latest checkpoint alone, for DVC has not recorded the outputs yet."""
        try:
            self._remove_all_but(1)
            mark_finished(self.folder, model=model)
        except OSError as error:
            _tell(f"{self.folder} keeps more than it needs: {error}")

    def _remove_all_but(self, count: int) -> bool:
        """Remove older checkpoints; return whether there were any."""
        older = checkpoint_folders(self.folder)[count:]
        for folder in older:
            shutil.rmtree(folder)
        return bool(older)


@contextlib.contextmanager
def open_state(fingerprint: str) -> Iterator[TrainState]:
    """Open the state of the training with this fingerprint, for this process only.

    That of a finished training is removed first, if DVC has recorded what the training made.

    Raises:
        StageError: at once, if another process has it open.
    """
    folder = state_folder() / fingerprint
    if discard_if_recorded(folder):
        _tell("DVC has recorded this training and has been told to run it again: it starts anew")
    with locked(folder / "lock"):
        unmark(folder)
        for discarded in folder.parent.glob(f".{fingerprint}.*.tmp"):
            shutil.rmtree(discarded, ignore_errors=True)
        yield TrainState(folder)


def other_states(fingerprint: str) -> dict[Path, int]:
    """Return the folders of the states of other trainings, and their sizes in bytes.

    Those that cannot be read are left out.
    """
    found = {}
    folders = []
    with contextlib.suppress(OSError):
        folders = sorted(state_folder().iterdir())
    for folder in folders:
        if folder.name == fingerprint or folder.name.startswith("."):
            continue
        with contextlib.suppress(OSError):  # its training may just have changed or removed it
            if checkpoints := checkpoint_folders(folder):
                files = (file for checkpoint in checkpoints for file in checkpoint.iterdir())
                found[folder] = sum(file.stat().st_size for file in files)
    return found


def write_last_run(run: Mapping[str, Any]) -> None:
    """Write the figures of the last run; if that is impossible, print a message instead."""
    try:
        write_json(run, state_folder() / "last_run.json")
    except OSError as error:
        _tell(f"{state_folder() / 'last_run.json'} is not written: {error.strerror}")


def _tell(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)
