"""Folders of states: where they are, and a lock on them for one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stages.common.errors import StageError


def folder_of_states(variable: str, default: str) -> Path:
    """Return the folder that an environment variable names, else the default one.

    An experiment beside the workspace runs in a folder that is new each time, below the workspace.
    A path that is not from `/` on is one of the workspace there, too: both share the folder.
    """
    workspace, beside, _ = str(Path.cwd()).rpartition("/.dvc/tmp/exps/")
    named = os.environ.get(variable) or default
    expanded = os.path.expanduser(named)  # noqa: PTH111 - Path's raises for a user without a home
    return Path(workspace if beside else "", expanded)


@contextlib.contextmanager
def exclusive_lock(path: Path, *, busy: str, content: str, elsewhere: str) -> Iterator[None]:
    """Hold the lock inside this block; the end of the process always releases it.

    Args:
        path: the file of the lock; its folder is made.
        busy: what another process does that holds the lock, for the message.
        content: what lies in the folder, for the message.
        elsewhere: how to name another folder, for the message.

    Raises:
        StageError: at once, if another process holds it, or if there cannot be a lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StageError(
            f"{path.parent.absolute()} cannot hold {content} ({error.strerror}); {elsewhere}"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{busy} (it holds {path.absolute()}); wait until that one has ended, or stop it, "
                "then run this again"
            ) from error
        except OSError as error:
            raise StageError(
                f"{path.absolute()} cannot be locked ({error.strerror}), expected a disk that "
                f"takes locks; {elsewhere}"
            ) from error
        yield
