"""What the commands beside the stages share: errors as one line."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec

from stages.common.errors import StageError, explained
from stages.common.killed_experiment import left_by_killed_experiment
from stages.common.standard_streams import print_in_any_encoding

Arguments = ParamSpec("Arguments")

ERROR = 2
"""Exit code after an error that the user can fix. 1 is for what a command finds."""


def command(name: str) -> Callable[[Callable[Arguments, int]], Callable[Arguments, int]]:
    """Let a function that returns an exit code print its errors as one line after `name`.

    The same for what a killed experiment has left, on standard error: the command still runs.
    """

    def decorate(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
        @functools.wraps(main)
        def run(*arguments: Arguments.args, **options: Arguments.kwargs) -> int:
            print_in_any_encoding()
            try:
                if left := left_by_killed_experiment():
                    print(f"{name}: {left}", file=sys.stderr)
                code = main(*arguments, **options)
                sys.stdout.flush()
            except BrokenPipeError as error:
                _discard_output()
                return _say(name, error)
            except (StageError, OSError) as error:
                return _say(name, explained(error))
            except KeyboardInterrupt:
                _say(name, "interrupted")
                return 128 + signal.SIGINT
            return code

        return run

    return decorate


def _say(name: str, what: object) -> int:
    print(f"{name}: {what}", file=sys.stderr)
    return ERROR


def _discard_output() -> None:
    """Write nothing more to a reader that is gone, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
