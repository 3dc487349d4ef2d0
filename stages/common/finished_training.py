"""The state of a finished training, which stays until DVC has recorded what the training made.

    <state folder>/<fingerprint>/lock            held while a process uses this state
    <state folder>/<fingerprint>/finished.json   written when the outputs of the training are

DVC records a stage after it has ended. Where it cannot, or is killed before, it removes the outputs
and runs the stage again, which then writes them from the state.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.exclusive_lock import exclusive_lock, folder_of_states
from stages.common.files import write_json

_MARK = "finished.json"


def state_folder() -> Path:
    """Return the folder of all states: TRAIN_STATE_DIR if it is set, else `.train_state`."""
    return folder_of_states("TRAIN_STATE_DIR", ".train_state")


def mark_finished(state: Path, *, model: Path) -> None:
    """Mark the state of a training whose outputs are written, `model` among them."""
    write_json({"stage": _stage(), "model": _md5(model)}, state / _MARK)


def unmark(state: Path) -> None:
    """Mark the state as that of an unfinished training."""
    (state / _MARK).unlink(missing_ok=True)


def is_finished(state: Path) -> bool:
    """Return whether the state is that of a finished training."""
    return (state / _MARK).exists()


def discard_if_recorded(state: Path) -> bool:
    """Remove the state of a finished training if DVC has recorded it; return whether that is so."""
    recorded = is_finished(state) and _is_recorded(_mark(state).get("stage"))
    if recorded:
        discard(state)
    return recorded


def discard_recorded(model: Path) -> None:
    """Remove the states of finished trainings that made this model, if DVC has recorded it.

    Never fails: a state that stays does no harm.
    """
    with contextlib.suppress(OSError):
        made_by = _md5(model)
        for mark in state_folder().glob(f"*/{_MARK}"):
            if _mark(mark.parent).get("model") == made_by:
                with contextlib.suppress(OSError, StageError):
                    discard_if_recorded(mark.parent)


def discard_earlier(states: Iterable[Path]) -> None:
    """Remove the states of earlier finished trainings whose model DVC has. Never fails.

    Before a training ends, dvc.lock holds the last one that DVC has recorded here. What experiments
    beside the workspace have made stands in the run-cache.
    """
    finished = {state: str(_mark(state).get("model")) for state in states if is_finished(state)}
    kept = _kept_by_dvc({*finished.values()}) if finished else set()
    for state, model in finished.items():
        if model in kept:
            with contextlib.suppress(OSError, StageError):
                discard(state)


def discard(state: Path) -> None:
    """Remove a state; for other processes it disappears at once.

    Raises:
        StageError: if another process uses it.
    """
    with locked(state / "lock"):
        doomed = state.with_name(f".{state.name}.{os.getpid()}.tmp")
        state.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)  # what stays is removed when the state is opened


def locked(path: Path) -> contextlib.AbstractContextManager[None]:
    """Return the context in which this process alone trains with a state, or in a workspace.

    Raises:
        StageError: as `exclusive_lock` does.
    """
    return exclusive_lock(
        path,
        busy="another training runs here",
        content="the state of a training",
        elsewhere="work in a clone of your own, or, if TRAIN_STATE_DIR names this folder, let it "
        "name another",
    )


def _mark(state: Path) -> dict[str, Any]:
    try:
        content = json.loads((state / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _stage() -> str:
    """Return the name of the stage that DVC runs in this process; empty if none."""
    # DVC puts the path of its dvc.yaml before it, as seen from where DVC was called.
    return os.environ.get("DVC_STAGE", "").rpartition(":")[2]


def _md5(path: Path) -> str:
    """Return the hash that DVC has for a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _kept_by_dvc(models: set[str]) -> set[str]:
    """Return those hashes of models that dvc.lock or the run-cache names and the cache has."""
    try:
        from dvc.repo import Repo

        with Repo() as repo:
            locks = [*Path().glob("dvc.lock"), *Path().glob("*/dvc.lock")]
            records = [*locks, *Path(repo.stage_cache.cache_dir).glob("??/*/*")]
            recorded = "".join(path.read_text(encoding="utf-8") for path in records)
            cached = {each for each in models if Path(repo.cache.local.oid_to_path(each)).is_file()}
        return {each for each in cached if each in recorded}
    except Exception:  # whatever DVC, git or a disk cannot do: then it is not known
        return set()


def _is_recorded(name: str | None) -> bool:
    """Return whether dvc.lock holds this run of the stage, and the cache what it made.

    Then nothing has changed, but that DVC has removed the outputs to run the stage. DVC is asked
    for each of them, for `dvc status` waits for the end of a running stage.
    """
    if not name:
        return False
    try:
        from dvc.repo import Repo

        with Repo() as repo:
            (stage,) = (each for each in repo.index.stages if getattr(each, "name", "") == name)
            changes = [change for out in stage.outs for change in out.status().values()]
            changed = stage.changed_stage() or any(dep.status() for dep in stage.deps)
    except Exception:  # whatever DVC, git or a disk cannot do: then it is not known
        return False
    return not changed and set(changes) <= {"deleted"}
