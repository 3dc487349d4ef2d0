"""Processes that work on request: code that cannot share a process is timed in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cells import ROOT


class Worker:
    """A module that runs in its own process, where `Turns` answers."""

    def __init__(self, module: str, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, way: str) -> float:
        """Request the task of this name; return its seconds."""
        if not self._process.stdin or not self._process.stdout:
            raise ValueError("both pipes are open as long as it runs")
        print(way, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args} has ended with {self._process.wait()}")
        return float(answer)

    def end(self) -> None:
        """Close its input, and wait for its end."""
        self._process.communicate()


@contextmanager
def worker(module: str, *arguments: str | Path) -> Iterator[Worker]:
    """Run a worker for as long as the block."""
    started = Worker(module, *arguments)
    try:
        yield started
    finally:
        started.end()


class Turns:
    """The worker's side: it reads requests on standard input, writes seconds on standard output.

    All other output of the process goes to standard error.
    """

    def __init__(self, ways: Mapping[str, Callable[[], object]]) -> None:
        """Take the tasks that can be requested besides `wait`'s own."""
        self._ways = ways
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._began: float | None = None

    def wait(self, own: str) -> None:
        """Report the time since the last return; do requested tasks until `own` is requested.

        Raises:
            SystemExit: when the requests end.
        """
        if self._began is not None:
            self._answer(self._began)
        for line in sys.stdin:
            self._began = time.perf_counter()
            if line.strip() == own:
                return
            self._ways[line.strip()]()
            self._answer(self._began)
        sys.exit()

    def _answer(self, began: float) -> None:
        print(time.perf_counter() - began, file=self._answers, flush=True)
