"""Reasons to stop: a signal, or the end of the parent process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from stages.common.stage_entry import STOP

IGNORABLE = (signal.SIGINT, signal.SIGHUP)
"""Signals of a terminal: `nohup`, or a shell's `&`, lets a program ignore them."""


@dataclass(frozen=True)
class Reason:
    """Why training stops, in words and as an exit code."""

    words: str
    exit_code: int


class Watch:
    """Knows whether this process must stop.

    A signal ends the process at once, except inside `deferred`: there it only sets `reason`.
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
        """The reason to stop; None to continue."""
        if self._signal is not None:
            return Reason(signal.Signals(self._signal).name, 128 + self._signal)
        if os.getppid() != self._parent:
            return Reason("the end of the process that started it", 1)
        return None

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer signals inside this block; the block must check `reason` itself."""
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
    # The reader of standard error may be gone.
    with contextlib.suppress(OSError):
        print(f"train: stopped by {reason.words}{consequence}", file=sys.stderr, flush=True)
    sys.exit(reason.exit_code)


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Handle the stop signals and watch the parent process inside this block.

    A signal of a terminal that was ignored before stays ignored. The others are taken all the same:
    a shell lets DVC ignore them, so that it is there when the stage has ended.
    """
    watch = Watch(os.getppid())
    heard = [number for number in IGNORABLE if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, watch.take) for number in (*STOP, *heard)}
    try:
        yield watch
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
