"""Why a training starts at its first epoch although there is an earlier one: what differs.

    <state folder>/<fingerprint>/inputs.json    what the training with this state depends on

The training whose model is recorded is known from dvc.lock.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.common.dvc_hash import contents, counted_files, dvc_hash
from stages.common.files import write_json
from stages.common.finished_training import is_finished

LOCK = Path("dvc.lock")
SHOWN = 3
"""Differences that are named."""
FROM_ITS_WEIGHTS = "; how to start from the weights of a trained model: docs/training.md"
_INPUTS = "inputs.json"


def write_inputs(inputs: Mapping[str, Any], state: Path) -> None:
    """Keep what a training depends on beside its state; a failure does no harm."""
    with contextlib.suppress(OSError):
        write_json(inputs, state / _INPUTS)


def why_anew(inputs: Mapping[str, Any], others: Iterable[Path]) -> str | None:
    """Return a line that says in what this training differs from an earlier one.

    Of several ones it is that with the fewest differences.

    Args:
        inputs: what this training depends on.
        others: the folders of the states of other trainings.

    Returns:
        None if there is no earlier training, or if dvc.lock records this very one.
    """
    recorded = differences_from_lock(inputs["settings"])
    if recorded == []:
        return None
    earlier = {f"the training that {LOCK} records": recorded} if recorded else {}
    for state in others:
        kind = "finished" if is_finished(state) else "unfinished"
        earlier[f"the {kind} training in {state}"] = _differences_from_state(inputs, state)
    if not earlier:
        return None
    which, found = min(earlier.items(), key=lambda item: len(item[1]))
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return (
        f"Training starts at epoch 1, for {which} is another one: {', '.join(found[:SHOWN])}{more}"
        f"{FROM_ITS_WEIGHTS}"
    )


def differences_from_lock(settings: Mapping[str, Any]) -> list[str] | None:
    """Return in what this training differs from the one that dvc.lock records; None if none is."""
    try:
        stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
        stage = stages["train"]
        made = {out["path"]: out["md5"] for each in stages.values() for out in each["outs"]}
        recorded = {dep["path"]: dep["md5"] for dep in stage["deps"]}
        sections = stage["params"]["params.yaml"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None
    locked = {re.sub(r"^profiles\.[^.]+\.", "", key): value for key, value in sections.items()}
    now = {path: made.get(path) or _hash(Path(path)) for path in recorded}
    return differences(
        {"settings": locked, "files": recorded},
        {"settings": {key: settings.get(key) for key in locked}, "files": now},
    )


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the settings that differ, with both values, and the names of files that do."""
    old, new = dict(_leaves(earlier["settings"])), dict(_leaves(now["settings"]))
    settings = [
        f"{name} {_written(old, name)} → {_written(new, name)}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    files = [
        name
        for name in dict.fromkeys([*earlier["files"], *now["files"]])
        if earlier["files"].get(name) != now["files"].get(name)
    ]
    return settings + files


def _differences_from_state(inputs: Mapping[str, Any], state: Path) -> list[str]:
    try:
        return differences(json.loads((state / _INPUTS).read_text(encoding="utf-8")), inputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ["other parameters, code or data"]


def _hash(path: Path) -> str | None:
    """Return the hash of code in the working tree; None if there is none."""
    if not path.exists():
        return None
    return dvc_hash(contents(path, counted_files(path)))


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested settings with dotted names."""
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, item in value.items():
        yield from _leaves(item, f"{name}.{key}" if name else key)


def _written(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "absent"
