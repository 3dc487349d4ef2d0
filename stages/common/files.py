"""Files and folders, written atomically: they are either complete or absent."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd


@contextlib.contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `destination` when the block ends without an error.

    The block may write a file or make a folder at the yielded path. The rename replaces an old
    `destination`. After an error, `destination` is unchanged.
    """
    with temporary_path(destination) as temporary:
        yield temporary
        if temporary.is_dir() or destination.is_dir():
            _remove(destination)
        os.replace(temporary, destination)


@contextlib.contextmanager
def temporary_path(beside: Path) -> Iterator[Path]:
    """Yield a path in the folder of another one; what the block makes there is removed at its end.

    Temporary paths of killed processes are removed at the start.
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(beside)
    temporary = beside.with_name(f".{beside.name}.{os.getpid()}.tmp")
    try:
        yield temporary
    finally:
        _remove(temporary)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(text: str, destination: Path) -> None:
    """Write UTF-8 text atomically, with unchanged line ends."""
    with atomic_path(destination) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(content: Mapping[str, Any], destination: Path) -> None:
    """Write `content` as JSON atomically; see `json_text`."""
    write_text(json_text(content), destination)


def json_text(content: Mapping[str, Any]) -> str:
    """Return indented JSON. Raises ValueError on NaN or infinity, which JSON lacks."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write_csv(table: pd.DataFrame, destination: Path) -> None:
    """Write a table as CSV atomically, without its index."""
    write_text(table.to_csv(index=False, lineterminator="\n"), destination)


def _remove_leftovers(destination: Path) -> None:
    """Remove the temporary files of this process and of processes that no longer run."""
    pattern = re.compile(rf"\.{re.escape(destination.name)}\.(\d+)\.tmp")
    for path in sorted(destination.parent.iterdir()):
        made_by = pattern.fullmatch(path.name)
        if made_by and (int(made_by[1]) == os.getpid() or not _is_running(int(made_by[1]))):
            _remove(path)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs under another user
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
