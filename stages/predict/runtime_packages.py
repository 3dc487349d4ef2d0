"""Say in one line that this Python lacks a package that predict needs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from stages.common.errors import StageError

INSTALL = "python -m pip install --require-hashes --requirement requirements-predict.txt"


@contextlib.contextmanager
def runtime_packages() -> Iterator[None]:
    """Turn a failed import of a package of others in this block into a StageError.

    Raises:
        StageError: with the command that installs it.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("stages"):
            raise
        raise StageError(
            f"{' '.join(str(error).split())}: {sys.executable} has not what predict needs; "
            f"`{INSTALL}` installs it"
        ) from error
