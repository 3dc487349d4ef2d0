"""Whatever goes wrong inside DVC, as one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stages.common.errors import StageError


@contextlib.contextmanager
def dvc_errors(failed: str, *, remedy: str) -> Iterator[None]:
    """Turn every error of this block into a StageError: DVC lets those of others through.

    Among them are those of scmrepo, pygit2, dulwich, SQLite and the file system.

    Args:
        failed: what failed.
        remedy: how to mend it.
    """
    try:
        yield
    except Exception as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise StageError(f"{failed} ({told}); {remedy}") from error
