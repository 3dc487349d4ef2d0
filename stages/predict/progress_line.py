"""Show on standard error how far a long run is, without a package."""

from __future__ import annotations

import sys
import time

LINE_EVERY = 10.0
"""Seconds between two lines of a log."""

TERMINAL_EVERY = 0.2
"""Seconds between two changes of the line on a terminal."""


class ProgressLine:
    """How many images are done: a line on a terminal, or a new line every ten seconds in a log."""

    def __init__(self, *, total: int | None) -> None:
        """Begin. `total` is the number of images, None if it is not known."""
        self._terminal = sys.stderr.isatty()
        self._total = total
        self._done = 0
        self._began = self._shown = time.monotonic()

    def advance(self) -> None:
        """Count an image, and show it if it is time for that."""
        self._done += 1
        now = time.monotonic()
        if now - self._shown >= (TERMINAL_EVERY if self._terminal else LINE_EVERY):
            self._shown = now
            self._write(f"{self._text(now)}" + ("" if self._terminal else "\n"))

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._write(f"{text}\n")

    def close(self) -> None:
        """Take the line from the terminal."""
        self._write("")

    def _write(self, text: str) -> None:
        # Carriage return, then the escape that clears what stood in the line.
        print(f"\r\x1b[K{text}" if self._terminal else text, end="", file=sys.stderr, flush=True)

    def _text(self, now: float) -> str:
        seconds = now - self._began
        rate = self._done / seconds
        if self._total is None:
            return f"Predicting: {self._done:,} images, {rate:,.1f} a second"
        left = (self._total - self._done) / rate
        return (
            f"Predicting: {self._done:,} of {self._total:,} images, {rate:,.1f} a second, "
            f"{left:,.0f} s left"
        )
