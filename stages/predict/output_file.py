"""Where the table goes: standard output, or a file that is complete or absent."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stages.common.errors import StageError


@contextlib.contextmanager
def output_file(path: Path | None) -> Iterator[IO[bytes]]:
    """Yield a file to write to; after an error of the block, what stood at the path still does.

    stages/common/files.py does the same for stages, but needs pandas.

    Args:
        path: None for standard output.

    Raises:
        StageError: if the path cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise StageError(
            f"{path} cannot be written ({error.strerror or error}); name another by --output"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
