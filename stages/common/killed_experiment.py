"""Notice what a killed `dvc exp run` has left: a HEAD on no branch, its values in params.yaml."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass

from stages.common.errors import StageError
from stages.common.git_commands import git

ENTRIES = 100
"""Entries of the reflog that are read: each experiment on a detached HEAD adds two."""

_DETACHED = re.compile(
    r"HEAD@\{(?P<time>\d+)\} (?P<move>checkout: moving from (?P<branch>\S+) to [0-9a-f]{40})"
)
_LATER_EXPERIMENT = re.compile(
    r"HEAD@\{\d+\} (dvc: Restore HEAD to '[0-9a-f]{40}'|commit: dvc: .*)"
)


@dataclass(frozen=True)
class Detachment:
    """A HEAD that DVC has detached for an experiment in the workspace.

    Attributes:
        time: in seconds, as git writes it.
        branch: from which.
    """

    time: int
    branch: str


def left_by_killed_experiment() -> str | None:
    """Return a line that says what is left and how to mend it, or None.

    DVC detaches HEAD while an experiment runs in the workspace. After a kill it stays so, and the
    next experiment takes it for what the user has chosen. An experiment detaches HEAD after it has
    written its values as a commit: what was detached before that is another's.
    """
    try:
        reflog = git("reflog", f"-{ENTRIES}", "--date=unix", "--format=%gd %gs").splitlines()
        written = "--format=%(creatordate:unix)", "refs/exps/exec/EXEC_MERGE"
        values_written = git("for-each-ref", *written).strip()
    except StageError:
        return None
    left = detached_by_dvc(reflog)
    if left is None or ("DVC_EXP_NAME" in os.environ and left.time >= int(values_written or 0)):
        return None
    return (
        "a killed `dvc exp run` has left HEAD on no branch, and its values in params.yaml: end "
        f"what runs here, then `git switch {left.branch}`, look at `git diff HEAD params.yaml`, "
        "and `git checkout HEAD -- params.yaml` takes them back"
    )


def detached_by_dvc(reflog: list[str]) -> Detachment | None:
    """Return the detachment in which HEAD is, if DVC made it.

    DVC detaches HEAD twice for an experiment: to write its values, after which it restores HEAD,
    and to run it. A user's own `git checkout --detach` looks like one of these alone.

    Args:
        reflog: of HEAD, the latest entry first.
    """
    entries = [*itertools.dropwhile(_LATER_EXPERIMENT.fullmatch, reflog)][:3]
    found = _DETACHED.fullmatch(entries[0]) if len(entries) == 3 else None
    if found is None:
        return None
    before = [entry.partition(" ")[2] for entry in entries[1:]]
    if before != [f"dvc: Restore HEAD to '{found['branch']}'", found["move"]]:
        return None
    return Detachment(int(found["time"]), found["branch"])
