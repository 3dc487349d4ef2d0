"""Show the progress of long work on a terminal or in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(*, total: int, description: str, unit: str, initial: int = 0) -> tqdm[Any]:
    """Return a progress bar on standard error. In a log, it writes a line every ten seconds.

    Args:
        total: number of units, including `initial`; 0 if unknown.
        description: name of the task.
        unit: name of the unit; "B" is shown in kB, MB and so on.
        initial: number of units done before; the rate does not count them.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit=unit,
        unit_scale=unit == "B" or total >= 100_000,
        file=None if terminal else _Lines(),
        mininterval=0.1 if terminal else 10,
        ascii=not terminal,
        dynamic_ncols=terminal,
    )


class _Lines:
    """Standard error for tqdm; each update becomes a new line and overwrites nothing."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()
