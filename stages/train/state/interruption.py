"""Being told to stop: by a signal, or because the process that started this one is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Reason:
    """Why training stops, in words, and the exit code that says so to whoever waits for it."""

    words: str
    exit_code: int


class Watch:
    """Knows whether this process is to stop.

    A signal ends the process at once, save where `deferred` is in force: there it waits until
    somebody asks for `reason`.
    """

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._signal: int | None = None
        self._deferred = False

    def take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Handle a signal."""
        self._signal = number
        if not self._deferred:
            self.exit_if_requested(".")

    @property
    def reason(self) -> Reason | None:
        """Why to stop; None to go on."""
        if self._signal is not None:
            return Reason(signal.Signals(self._signal).name, 128 + self._signal)
        if os.getppid() != self._parent:
            return Reason("the end of the process that started it", 1)
        return None

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let signals wait inside of this block; what came is left to the block to ask for."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def exit_if_requested(self, consequence: str) -> None:
        """Exit with one line if there is a reason to stop; `consequence` ends that line."""
        if reason := self.reason:
            leave(reason, consequence)


def leave(reason: Reason, consequence: str) -> NoReturn:
    """Exit, with one line on standard error."""
    # Nobody may be there any more to read it.
    with contextlib.suppress(OSError):
        print(f"train: stopped by {reason.words}{consequence}", file=sys.stderr, flush=True)
    sys.exit(reason.exit_code)


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Take the signals that ask a process to end, and mind its parent, for as long as the block.

    A signal that was ignored before, as `nohup` and a shell's `&` have it, stays so.
    """
    watch = Watch(os.getppid())
    taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, watch.take) for number in taken}
    try:
        yield watch
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
