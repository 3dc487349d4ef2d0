"""Write files and folders so that they are either complete or not there."""

from __future__ import annotations

import contextlib
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
    """Yield a path beside `destination`; rename it there when the block ends without an error.

    The block may write a file or make a folder at the yielded path. Whatever stood at
    `destination` is replaced; after an error it is untouched and nothing new is left behind.
    What a killed process left behind is removed.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(destination)
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if temporary.is_dir() or destination.is_dir():
            _remove(destination)
        os.replace(temporary, destination)
    finally:
        _remove(temporary)


def write_text(text: str, destination: Path) -> None:
    """Write UTF-8 text atomically, line ends as given."""
    with atomic_path(destination) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(content: Mapping[str, Any], destination: Path) -> None:
    """Write `json_text` atomically."""
    write_text(json_text(content), destination)


def json_text(content: Mapping[str, Any]) -> str:
    """Return indented JSON. Raises ValueError on NaN or infinity, which JSON has not."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write_csv(table: pd.DataFrame, destination: Path) -> None:
    """Write a table as CSV atomically, without its index."""
    write_text(table.to_csv(index=False, lineterminator="\n"), destination)


def _remove_leftovers(destination: Path) -> None:
    """Remove the temporary files of processes that do not run any more, or are this one."""
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
        pass  # of another user
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
