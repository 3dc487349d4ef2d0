"""Progress of long work, on a terminal and in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(*, total: int, description: str, unit: str, initial: int = 0) -> tqdm[Any]:
    """Return a progress bar on standard error; in a log it is a line every ten seconds.

    Args:
        total: how much there is to do, `initial` included; 0 if that is not known.
        description: what is being done.
        unit: what is counted; "B" is counted in kB, MB and so on.
        initial: how much of it was done before, which the rate leaves out.
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
    """Standard error, with a line where tqdm would go back and write over the last one."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()
