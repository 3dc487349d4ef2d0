"""Check that the committed dvc.lock, pipeline and metrics belong together.

    python -m stages.workspace.lock_check

It needs no data: a missing file is not a problem if git ignores it.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.common.command_entry import command
from stages.common.dvc_errors import dvc_errors
from stages.common.errors import StageError
from stages.common.params_file import load_params
from stages.workspace.repro_summary import METRICS, RESULTS

PARAMS = Path("params.yaml")

CROSS_VALIDATION = "cross_validation"
"""The folder of a pipeline that may stay behind this one: it takes many times as long."""

_MISSING = ("deleted", "not in cache")


def changed(status: Mapping[str, Any], is_ignored: Callable[[str], bool]) -> Iterator[str]:
    """Yield a line for each mismatch with dvc.lock.

    Args:
        status: output of `dvc status --json`.
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


def require_stages(repo: Any) -> None:
    """Refuse a folder in which DVC finds no stage: it would find no change either."""
    if not repo.index.stages:
        raise StageError("there is no dvc.yaml with stages")


def undefined(results: Any) -> Iterator[str]:
    """Yield a line for each main metric in metrics/test.json that is not a finite number."""
    test = results.get("test") if isinstance(results, Mapping) else None
    figures = test if isinstance(test, Mapping) else {}
    for name in METRICS:
        value = figures.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            yield f"{RESULTS}: test.{name} is {json.dumps(value)}, expected a number"


def _said(state: object) -> str:
    """Format a state from DVC: a word, or for parameters `{name: word}`."""
    if isinstance(state, Mapping):
        return ", ".join(f"{word} ({name})" for name, word in state.items())
    return str(state)


@command("locked")
def main() -> int:
    """Print the problems; return the exit code: 0, 1 if there are any, or 2 after an error."""
    load_params(PARAMS)  # `dvc status` skips keys that no stage reads
    status, is_ignored = _status()
    apart = {name: status.pop(name) for name in list(status) if name.startswith(CROSS_VALIDATION)}
    if any(changed(apart, is_ignored)):
        print(
            f"{CROSS_VALIDATION}/dvc.lock is of other code, data or parameters: `make "
            "cross-validate` makes it anew"
        )
    found = [*changed(status, is_ignored), *undefined(_results())]
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("Run `dvc repro`, then commit dvc.lock and metrics.", file=sys.stderr)
        return 1
    print(f"dvc.lock and {RESULTS.parent} are those of this code and these parameters.")
    return 0


def _status() -> tuple[dict[str, Any], Callable[[str], bool]]:
    """Return the output of `dvc status --json`, and whether git ignores a path."""
    from dvc.repo import Repo

    remedy = (
        f"run this where {PARAMS} is; `git checkout HEAD -- .dvc dvc.yaml dvc.lock` takes edits "
        "back"
    )
    with dvc_errors("DVC has no status", remedy=remedy), Repo() as repo:
        require_stages(repo)
        # The slash lets a pattern such as /data/shards/ match a folder that does not exist.
        status: dict[str, Any] = repo.status()
        paths = {
            path
            for changes in status.values()
            for change in changes
            if isinstance(change, Mapping)
            for kind in change.values()
            for path in kind
        }
        ignored = {path for path in paths if repo.scm.is_ignored(f"{path}/")}
    return status, ignored.__contains__


def _results() -> Any:
    try:
        return json.loads(RESULTS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(
            f"{RESULTS} cannot be read ({error}); make it again with `dvc repro`"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
