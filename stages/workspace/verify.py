"""Rebuild the commit in a clean clone beside this one, and compare the bytes of its outputs.

    python -m stages.workspace.verify

Nothing that was made before is used: the clone has an empty cache of its own, no run-cache, no
dvc.lock and no state of a training, and nothing is pulled.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.common.files import write_text
from stages.common.git_commands import committed_file, git, head_commit
from stages.common.standard_streams import protect_standard_streams
from stages.workspace.rebuild_report import (
    Outputs,
    locked_outputs,
    machine_facts,
    machines_text,
    outputs_text,
)

LOCK = "dvc.lock"
TRAINED = "metrics/train.json"
LAST_RUN = ".train_state/last_run.json"


@command("verify")
def main() -> int:
    """Verify HEAD; return the exit code: 0, 1 if an output differs, or 2 after an error."""
    return 0 if verify() else 1


def verify() -> bool:
    """Rebuild HEAD, print what differs, and return whether nothing does.

    The clone is removed, unless an output differs or a stage fails.

    Raises:
        StageError: if there is nothing to verify, or a stage fails.
    """
    commit = head_commit()
    committed = _committed(commit)
    repository, below = Path(git("rev-parse", "--show-toplevel")), git("rev-parse", "--show-prefix")
    clone = Path(tempfile.mkdtemp(prefix=f"{repository.name}.verify-", dir=repository.parent))
    project = clone / below
    try:
        _announce(commit, project)
        _clone(repository, commit, clone)
        _prepare(project)
        code = _rebuild(project)
    except BaseException:
        shutil.rmtree(clone, ignore_errors=True)
        raise
    if code:
        raise StageError(
            f"commit {commit[:8]} could not be rebuilt: `dvc repro` ended with exit code {code}, "
            f"and why stands above; the clone stays: {project}"
        )
    same = _compare(commit, committed, project)
    if same:
        shutil.rmtree(clone)
    else:
        print(f"\nThe clone stays. `git diff HEAD` shows there every line that differs: {project}")
    return same


def _committed(commit: str) -> Outputs:
    """Return the outputs of a commit, with the contents of those that git holds."""
    remedy = f"run `dvc repro`, then commit {LOCK} and metrics"
    lock = committed_file(commit, LOCK)
    if lock is None:
        raise StageError(f"commit {commit[:8]} has no {LOCK}; {remedy}")
    try:
        outputs = locked_outputs(lock.decode())
    except ValueError as error:
        raise StageError(f"{LOCK} of commit {commit[:8]}: {error}; {remedy}") from error
    if not outputs:
        raise StageError(f"{LOCK} of commit {commit[:8]} has no outputs; {remedy}")
    return {
        path: replace(output, content=committed_file(commit, path))
        for path, output in outputs.items()
    }


def _announce(commit: str, project: Path) -> None:
    print(f"verify: every stage of commit {commit[:8]} runs anew in {project}", flush=True)
    if changed := git("diff", "--name-only", "--relative", "-z", "HEAD").split("\0")[:-1]:
        print(f"verify: not committed, so not verified: {', '.join(changed)}", flush=True)


def _clone(repository: Path, commit: str, clone: Path) -> None:
    git("clone", "--quiet", "--no-checkout", str(repository), str(clone))
    git("-C", str(clone), "checkout", "--quiet", "--detach", commit)


def _prepare(project: Path) -> None:
    # What a stage no longer makes would stay in dvc.lock.
    (project / LOCK).unlink()
    # The settings of the user or of the commit may name a cache that others fill.
    write_text("[cache]\n    dir = cache\n", project / ".dvc/config.local")


def _rebuild(project: Path) -> int:
    """Run every stage, show what it prints, and return the exit code of DVC."""
    environment = {key: value for key, value in os.environ.items() if key != "TRAIN_STATE_DIR"}
    environment["DVC_SITE_CACHE_DIR"] = str(project / ".dvc/tmp/site")  # removed with the clone
    repro = [sys.executable, "-m", "dvc", "repro", "--force"]
    process = subprocess.Popen(repro, cwd=project, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal has interrupted DVC and its stage, too: let them end
        raise


def _compare(commit: str, committed: Outputs, project: Path) -> bool:
    """Print what differs, and return whether nothing does."""
    here = _rebuilt(project, committed)
    there = machine_facts(_json(committed_file(commit, TRAINED)), {})
    facts = machine_facts(_json(_bytes(project / TRAINED)), _json(_bytes(project / LAST_RUN)))
    print(f"\n{outputs_text(committed, here)}\n\n{machines_text(there, facts)}")
    return committed == here


def _rebuilt(project: Path, committed: Outputs) -> Outputs:
    """Return the outputs in the clone, with the contents of those that git holds."""
    lock = _bytes(project / LOCK)
    outputs = {} if lock is None else locked_outputs(lock.decode())
    in_git = {path for path, output in committed.items() if output.content is not None}
    return {
        path: replace(output, content=_bytes(project / path)) if path in in_git else output
        for path, output in outputs.items()
    }


def _json(content: bytes | None) -> Mapping[str, Any]:
    """Return an object in JSON; an empty one if there is none."""
    try:
        read = json.loads(content or b"{}")
    except ValueError:
        read = {}
    return read if isinstance(read, Mapping) else {}


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    protect_standard_streams()
    sys.exit(main())
