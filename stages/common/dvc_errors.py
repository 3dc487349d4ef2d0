"""Whatever goes wrong inside DVC, as one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stages.common.errors import CLONE, StageError
from stages.common.git_commands import conflicts, settle

MAY_NOT = f"{CLONE}; if it is a folder of DVC's own, let DVC_SITE_CACHE_DIR name another"


@contextlib.contextmanager
def dvc_errors(failed: str, *, remedy: str) -> Iterator[None]:
    """Turn every error of this block into a StageError: DVC lets those of others through.

    Among them are those of scmrepo, pygit2, dulwich, SQLite and the file system.

    Args:
        failed: what failed.
        remedy: how to mend it, where neither a merge nor a missing right is the reason.

    Raises:
        StageError: also if this is no git repository, or one whose index git cannot read.
    """
    unsettled = conflicts()
    try:
        yield
    except Exception as error:
        told = " ".join(str(error).split()) or type(error).__name__
        if unsettled:
            remedy = settle(unsettled)
        elif isinstance(error, PermissionError) or "not owned by current user" in told:
            remedy = MAY_NOT
        raise StageError(f"{failed} ({told}); {remedy}") from error
