"""A file on its way, kept where a run that is killed leaves it and the next one goes on.

DVC deletes a stage's outputs before it runs: the folder lies outside of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.download.origin import Edition


def state_folder() -> Path:
    """Return the folder of partial files: `.download`, or what DOWNLOAD_STATE_DIR says."""
    return Path(os.environ.get("DOWNLOAD_STATE_DIR") or ".download").expanduser()


class Partial:
    """The bytes that have arrived, from the first on, and the edition that they are of."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.path = _place(folder, identity, ".part")
        self._note = _place(folder, identity, ".json")
        self._identity = identity
        self.edition = self._noted()

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def resumes_at(self) -> int:
        """Where to go on: 0 if nothing could tell these bytes from those of another edition.

        Of a file that is all there the last byte is asked for again, to hear its edition.
        """
        size, total = self.size, self.edition.size
        if self.edition.validator is None or size == 0:
            return 0
        if total is None or size < total:
            return size
        return total - 1 if size == total else 0

    def restart(self, edition: Edition) -> None:
        """Forget all bytes, and note the edition of those to come."""
        self.discard()  # first, or a kill in between would leave old bytes under a new edition
        self.note(edition)

    def note(self, edition: Edition) -> None:
        """Write down what is known of the bytes."""
        self.edition = edition
        write_json({"of": self._identity, **dataclasses.asdict(edition)}, self._note)

    def write(
        self, chunks: Iterable[bytes], *, start: int, advance: Callable[[int], object]
    ) -> None:
        """Write the chunks from offset `start` on; what stood there and after it goes.

        Raises:
            StageError: if the disk is full; what has arrived stays.
        """
        # A full disk may show at the end of the block only, where buffers are written.
        with disk_full_told(self.path), self.path.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            for chunk in chunks:
                advance(file.write(chunk))

    def discard(self) -> None:
        """Forget all bytes."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.edition = Edition()

    def move(self, destination: Path) -> None:
        """Hand the file over: by a rename, or by a copy to another file system."""
        with disk_full_told(destination):
            shutil.move(self.path, destination)
        self.discard()

    def _noted(self) -> Edition:
        try:
            content = json.loads(self._note.read_text(encoding="utf-8"))
            return Edition(content["size"], content["validator"], content["md5"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return Edition()  # of unknown edition: the transfer starts anew


@contextlib.contextmanager
def locked_partial(folder: Path, identity: str, *, name: str) -> Iterator[Partial]:
    """Yield the partial file of an identity, for this run alone.

    Raises:
        StageError: at once, if another run has it.
    """
    lock = _place(folder, identity, ".lock")
    with _opened(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{name}: another run is fetching it (it holds {lock}); wait until that one has "
                "ended, then run this again"
            ) from error
        yield Partial(folder, identity)


def _opened(lock: Path) -> IO[str]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("a")
    except OSError as error:
        raise StageError(
            f"{lock.parent.absolute()} cannot hold partial files ({error.strerror}); mend that, or "
            "let DOWNLOAD_STATE_DIR name another folder"
        ) from error


def check_space(partial: Path, destination: Path, *, size: int, name: str) -> None:
    """Check that both file systems have room for a file of `size` bytes, before it comes.

    Raises:
        StageError: if one has not; says what is needed and what is free.
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
def disk_full_told(path: Path) -> Iterator[None]:
    """Turn a full disk, or a used-up quota, into a StageError that says where."""
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
