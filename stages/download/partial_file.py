"""Keep a partially fetched file, so that the next run resumes it after an interruption.

DVC deletes a stage's outputs before the stage runs, so this file is in another folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from stages.common.errors import StageError
from stages.common.exclusive_lock import exclusive_lock, folder_of_states
from stages.common.files import write_json
from stages.download.origin import FileVersion


def state_folder() -> Path:
    """Return the folder of partial files: DOWNLOAD_STATE_DIR if it is set, else `.download`."""
    return folder_of_states("DOWNLOAD_STATE_DIR", ".download")


class PartialFile:
    """The bytes of a file received so far, from offset 0 on, and their version."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.path = _place(folder, identity, ".part")
        self._note = _place(folder, identity, ".json")
        self._identity = identity
        self.version = self._noted()

    @property
    def size(self) -> int:
        """Number of bytes received so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def resumes_at(self) -> int:
        """Offset at which to resume; 0 if no validator can detect that the version has changed.

        If the file is complete, its last byte is requested again, to learn the current version.
        """
        size, total = self.size, self.version.size
        if self.version.validator is None or size == 0:
            return 0
        if total is None or size < total:
            return size
        return total - 1 if size == total else 0

    def restart(self, version: FileVersion) -> None:
        """Delete all bytes, and record the version of the next ones."""
        self.discard()  # first: a kill in between must not leave old bytes with a new version
        self.note(version)

    def note(self, version: FileVersion) -> None:
        """Write the version of the bytes to a JSON file."""
        self.version = version
        write_json({"of": self._identity, **dataclasses.asdict(version)}, self._note)

    def write(
        self, chunks: Iterable[bytes], *, start: int, advance: Callable[[int], object]
    ) -> None:
        """Truncate the file at offset `start`, and append the chunks.

        Raises:
            StageError: if the disk is full; the bytes received so far are kept.
        """
        # A full disk may raise an error only at the end of the block, which flushes the buffer.
        with disk_full_as_stage_error(self.path), self.path.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            for chunk in chunks:
                advance(file.write(chunk))

    def discard(self) -> None:
        """Delete all bytes and the record of their version."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.version = FileVersion()

    def move(self, destination: Path) -> None:
        """Move the file to `destination`: by a rename, or by a copy to another file system."""
        with disk_full_as_stage_error(destination):
            shutil.move(self.path, destination)
        self.discard()

    def _noted(self) -> FileVersion:
        try:
            content = json.loads(self._note.read_text(encoding="utf-8"))
            return FileVersion(content["size"], content["validator"], content["md5"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return FileVersion()  # unknown version: the transfer starts again


@contextlib.contextmanager
def locked_partial(folder: Path, identity: str, *, name: str) -> Iterator[PartialFile]:
    """Yield the partial file of an identity, locked for this run.

    Raises:
        StageError: as `exclusive_lock` does.
    """
    with exclusive_lock(
        _place(folder, identity, ".lock"),
        busy=f"{name}: another run is fetching it",
        content="partial files",
        elsewhere="mend that, or let DOWNLOAD_STATE_DIR name another folder",
    ):
        yield PartialFile(folder, identity)


def check_space(partial: Path, destination: Path, *, size: int, name: str) -> None:
    """Check, before a transfer, that both file systems have space for a file of `size` bytes.

    Raises:
        StageError: if one has not. The message gives the bytes needed and the bytes free.
    """
    have = partial.stat().st_size if partial.exists() else 0
    needs = {partial.parent: size - have}
    if partial.parent.stat().st_dev != destination.parent.stat().st_dev:
        needs[destination.parent] = size
    for folder, needed in needs.items():
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise StageError(
                f"{name}: {needed:,} bytes are needed in {folder.absolute()}, {free:,} are free; "
                "make room, or let DOWNLOAD_STATE_DIR name a folder on another disk for the "
                "partial file"
            )


@contextlib.contextmanager
def disk_full_as_stage_error(path: Path) -> Iterator[None]:
    """Turn the error of a full disk or an exceeded quota into a StageError with the path."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(path.parent).free
        raise StageError(
            f"{path.absolute()}: {error.strerror} ({free:,} bytes are free there); make room and "
            "run this again: what has arrived is kept"
        ) from error


def _place(folder: Path, identity: str, suffix: str) -> Path:
    return folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}{suffix}"
