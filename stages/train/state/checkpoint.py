"""A checkpoint: a folder with all state that changes during training, and its checksums."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from stages.common.files import atomic_path, file_sha256

_ARRAYS = "arrays.npz"
_NOTES = "notes.json"
_SUMS = "SHA256SUMS"
_NAME = re.compile(r"checkpoint-(\d{6})-(\d{9})")


class CorruptError(Exception):
    """A checkpoint does not hold what was written; the message says what is wrong."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of training between two steps.

    Attributes:
        epoch: number of complete epochs.
        step: number of complete steps of the next epoch.
        arrays: values of variables by owner, each list in the order of its owner.
        notes: all other state, as JSON values (and infinity).
    """

    epoch: int
    step: int
    arrays: Mapping[str, Sequence[np.ndarray[Any, Any]]]
    notes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its folder. Names sort alphabetically from early to late."""
        return f"checkpoint-{self.epoch:06d}-{self.step:09d}"


def write_checkpoint(checkpoint: Checkpoint, parent: Path) -> Path:
    """Write the checkpoint as a folder in `parent`, atomically; return the folder.

    The files are on the disk before the folder gets its name. So a power cut leaves no partial one.
    """
    folder = parent / checkpoint.name
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        _write_arrays(checkpoint.arrays, temporary / _ARRAYS)
        _write_text(json.dumps(dict(checkpoint.notes)), temporary / _NOTES)
        sums = "".join(f"{file_sha256(temporary / name)}  {name}\n" for name in (_ARRAYS, _NOTES))
        _write_text(sums, temporary / _SUMS)
    return folder


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CorruptError: if a file is missing or does not match its checksum.
    """
    try:
        listed = (folder / _SUMS).read_text(encoding="utf-8", errors="replace").split()
        sums = dict(zip(listed[1::2], listed[::2], strict=False))
        for name in (_ARRAYS, _NOTES):
            if file_sha256(folder / name) != sums.get(name):
                raise CorruptError(f"{name} does not match its SHA-256")
    except FileNotFoundError as error:
        raise CorruptError(f"{Path(error.filename).name} is missing") from error
    arrays: dict[str, list[np.ndarray[Any, Any]]] = {}
    with np.load(folder / _ARRAYS, allow_pickle=False) as flat:
        for name in flat.files:  # in the order of writing
            arrays.setdefault(name.rpartition("/")[0], []).append(flat[name])
    epoch, step = position(folder)
    notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))
    return Checkpoint(epoch, step, arrays, notes)


def checkpoint_folders(parent: Path) -> list[Path]:
    """Return the checkpoints in `parent`, the latest first."""
    return sorted((path for path in parent.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def position(folder: Path) -> tuple[int, int]:
    """Parse a checkpoint's name; return complete epochs and steps of the next epoch."""
    found = _NAME.fullmatch(folder.name)
    if not found:
        raise ValueError(f"{folder} is no checkpoint")
    return int(found[1]), int(found[2])


def _write_arrays(arrays: Mapping[str, Sequence[np.ndarray[Any, Any]]], path: Path) -> None:
    flat = {
        f"{owner}/{number}": array
        for owner, owned in arrays.items()
        for number, array in enumerate(owned)
    }
    with path.open("wb") as file:
        np.savez(file, **flat)  # type: ignore[arg-type]  # savez also takes `allow_pickle`
        _flush(file)


def _write_text(text: str, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        _flush(file)


def _flush(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
