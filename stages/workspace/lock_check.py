"""Check that what is committed belongs together: dvc.lock, the pipeline, and the metrics.

    python -m stages.workspace.lock_check

needs no data: what git ignores and a clone has not pulled is missing there, and no fault.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.params_file import load_params
from stages.workspace.summary import METRICS

PARAMS = Path("params.yaml")
RESULTS = Path("metrics/test.json")

_MISSING = ("deleted", "not in cache")


def changed(status: Mapping[str, Any], is_ignored: Callable[[str], bool]) -> Iterator[str]:
    """Tell what does not fit dvc.lock.

    Args:
        status: what `dvc status --json` prints.
        is_ignored: whether git ignores a path.
    """
    for stage, changes in status.items():
        for change in changes:
            if not isinstance(change, Mapping):
                yield f"{stage}: {change}"
                continue
            states = {path: state for kind in change.values() for path, state in kind.items()}
            for path, state in states.items():
                if not (state in _MISSING and is_ignored(path)):
                    yield f"{stage}: {path} is {_said(state)}"


def undefined(results: Mapping[str, Any]) -> Iterator[str]:
    """Tell which of the main figures in metrics/test.json are none."""
    for name in METRICS:
        value = results.get("test", {}).get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            yield f"{RESULTS}: test.{name} is {json.dumps(value)}, expected a number"


def _said(state: object) -> str:
    """Write a state as DVC has it: a word, or for parameters `{name: word}`."""
    if isinstance(state, Mapping):
        return ", ".join(f"{word} ({name})" for name, word in state.items())
    return str(state)


def main() -> int:
    """Print what does not fit; return the exit code: 1 where there is any, 2 after an error."""
    try:
        load_params(PARAMS)  # DVC asks no stage about a key that none reads
        found = [*_changed(), *undefined(_results())]
    except StageError as error:
        print(f"locked: {error}", file=sys.stderr)
        return 2
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("Run `dvc repro`, then commit dvc.lock and metrics.", file=sys.stderr)
        return 1
    print(f"dvc.lock and {RESULTS.parent} are those of this code and these parameters.")
    return 0


def _changed() -> list[str]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            # A pattern for a folder, as /data/shards/, matches where there is none only so.
            return list(changed(repo.status(), lambda path: repo.scm.is_ignored(f"{path}/")))
    except DvcException as error:
        raise StageError(f"DVC has no status: {error}") from error


def _results() -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{RESULTS} cannot be read: {error}") from error
    return results


if __name__ == "__main__":
    sys.exit(main())
