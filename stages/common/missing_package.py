"""Say in one line that this Python lacks a package, or has another one than the pinned."""

from __future__ import annotations

import sys
from types import TracebackType


def explain_missing_packages() -> None:
    """Let a failed import end the program with one line. Call it before packages are imported."""
    sys.excepthook = _explain


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    own = isinstance(error, ImportError) and (error.name or "").startswith("stages")
    if not isinstance(error, ImportError) or own:
        sys.__excepthook__(kind, error, trace)
        return
    print(
        f"{' '.join(str(error).split())}: {sys.executable} has not the packages of "
        "requirements.txt; `make repro` makes .venv, which has them: start DVC as .venv/bin/dvc, "
        "and a stage by .venv/bin/python",
        file=sys.stderr,
    )
