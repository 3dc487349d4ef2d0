"""Print without fear: what cannot be printed ends no work."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any, TextIO


def protect_standard_streams() -> None:
    """Make standard output and error take every text, and never fail.

    A letter that the encoding lacks becomes an escape of its number. What cannot be written is
    lost: the reader of a pipe has gone, the disk of a log is full, the stream was closed. Streams
    that something else has put in the place of Python's own stay as they are.
    """
    _open_closed_descriptors()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _protected(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _protected(sys.stderr)


def print_in_any_encoding() -> None:
    """Make standard output and error take every text; other faults of a stream stay errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _NeverFailing(io.FileIO):
    """A file descriptor; it takes everything, and loses what cannot be written."""

    def write(self, data: Any, /) -> int:
        """Write all of the bytes, if that is possible; return their number."""
        content = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            left = content
            while left:
                written = super().write(left)
                if written is None:  # nobody has read what was written without waiting
                    select.select([], [self], [])
                left = left[written or 0 :]
        return len(content)


def _open_closed_descriptors() -> None:
    """Open what was closed: else the next file gets the number, and C++ code prints into it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _protected(stream: TextIO | None) -> TextIO:
    """Return a stream to the same place; to nowhere if Python has found it closed."""
    if stream is None:
        descriptor, encoding = os.open(os.devnull, os.O_WRONLY), "utf-8"
    else:
        with contextlib.suppress(OSError):
            stream.flush()
        descriptor, encoding = stream.fileno(), stream.encoding
    return io.TextIOWrapper(
        _NeverFailing(descriptor, "w", closefd=False),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
