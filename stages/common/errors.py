"""The error that the user can fix."""

from __future__ import annotations

import errno

CLONE = "get that right from the owner, or work in a clone of your own"


class StageError(ValueError):
    """The message is one line: what was given, what was expected, where, and how to fix it."""


def explained(error: Exception) -> str:
    """Return the message of an error; where a right is missing, with what to do about it."""
    missing = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return f"{error}; {CLONE}" if missing else str(error)
