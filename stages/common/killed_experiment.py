"""Notice what a killed `dvc exp run` has left: a HEAD on no branch, its values in params.yaml."""

from __future__ import annotations

import os
import re

from stages.common.errors import StageError
from stages.common.git_commands import git

SECONDS = 60
"""DVC detaches HEAD and writes its commit of the values at once, in a run that nothing preceded."""

_DETACHED = re.compile(r"HEAD@\{(\d+)\} checkout: moving from (\S+) to ([0-9a-f]{40})")


def left_by_killed_experiment() -> str | None:
    """Return a line that says what is left and how to mend it, or None.

    DVC detaches HEAD while an experiment runs in the workspace. After a kill it stays so, and the
    next experiment takes it for what the user has chosen.
    """
    try:
        moved = _DETACHED.fullmatch(git("reflog", "-1", "--date=unix", "--format=%gd %gs"))
        refs = "refs/exps/exec/EXEC_HEAD", "refs/exps/exec/EXEC_MERGE"
        written = "--format=%(refname:lstrip=3) %(objectname) %(creatordate:unix)"
        made = dict(line.split(" ", 1) for line in git("for-each-ref", written, *refs).splitlines())
    except StageError:
        return None
    if moved is None or made.get("EXEC_HEAD", "").split(" ")[0] != moved[3]:
        return None
    if "DVC_EXP_NAME" in os.environ:
        values_written = int(made.get("EXEC_MERGE", "0 0").split(" ")[1])
        if values_written - int(moved[1]) < SECONDS:
            return None  # this experiment has detached HEAD itself
    return (
        f"a killed `dvc exp run` has left HEAD on no branch, and its values in params.yaml: end "
        f"this run, then `git switch {moved[2]}`, look at `git diff HEAD params.yaml`, and "
        "`git checkout HEAD -- params.yaml` takes them back"
    )
