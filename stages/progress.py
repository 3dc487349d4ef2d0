"""Progress of long work, on a terminal and in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(*, total: int, description: str, unit: str) -> tqdm[Any]:
    """Return a progress bar on standard error; in a log it moves every ten seconds."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        unit_scale=total >= 100_000,
        mininterval=0.1 if terminal else 10,
        ascii=not terminal,
        dynamic_ncols=terminal,
    )
