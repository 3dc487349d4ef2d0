"""What is made once for all processes of pytest-xdist, by the first of them that asks for it."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

Made = TypeVar("Made")


@dataclass(frozen=True)
class MadeOnce:
    """Makes things in folders that all processes of this run of the tests share.

    Attributes:
        base: where the folders lie.
    """

    base: Path

    def __call__(self, name: str, make: Callable[[Path], Made]) -> Made:
        """Return what `make` returns for an empty folder. Others wait until it has done so.

        Where it fails, the next process tries again, in a folder of its own.
        """
        kept = self.base / f"{name}.pickle"
        with (self.base / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                made = make(self._empty_folder(name))
                kept.write_bytes(pickle.dumps(made))
        return pickle.loads(kept.read_bytes())

    def _empty_folder(self, name: str) -> Path:
        number = len(list(self.base.glob(f"{name}-*")))
        (folder := self.base / f"{name}-{number}").mkdir()
        return folder


def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Share between the processes of pytest-xdist, if it runs: each has a folder in one base."""
    base = tmp_path_factory.getbasetemp()
    return MadeOnce(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
