"""Say in which outputs a rebuild differs from the commit, in what, and on which machines.

Pure: outputs in, lines out. Each difference reads `committed → here`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

SHOWN = 30
"""Differing values of a JSON file that are shown; metrics/test.json has 900."""
MACHINE = ("device", "tensorflow", "keras", "cuda", "cudnn", "driver")
"""Keys of metrics/train.json that describe the machine."""
WANTED = ("processor", "cores")
"""What is named even if neither side has recorded it."""


@dataclass(frozen=True)
class Output:
    """An output, as dvc.lock and git have it.

    Attributes:
        md5: its hash in dvc.lock; that of a folder ends in `.dir`.
        size: in bytes; None if dvc.lock has none.
        content: of the file in git, or of the same file in the rebuild; None if git has none.
    """

    md5: str
    size: int | None = None
    content: bytes | None = None


Outputs = Mapping[str, Output]


def locked_outputs(lock: str) -> dict[str, Output]:
    """Return the outputs of all stages in the text of a dvc.lock, by path, in its order.

    Raises:
        ValueError: if the text is not that of a dvc.lock.
    """
    try:
        stages = yaml.safe_load(lock)["stages"].values()
        outs = [out for stage in stages for out in stage.get("outs", [])]
        return {out["path"]: Output(out["md5"], out.get("size")) for out in outs}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not readable ({' '.join(repr(error).split())})") from error


def outputs_text(committed: Outputs, here: Outputs) -> str:
    """Return how many outputs have the same bytes, and the lines of those that differ."""
    paths = list(dict.fromkeys([*here, *committed]))
    differing = [path for path in paths if committed.get(path) != here.get(path)]
    lines = [f"the same bytes: {len(paths) - len(differing)} of {len(paths)} outputs"]
    if differing:
        lines += ["", "What differs, committed → here, in the order of the stages:"]
    for path in differing:
        lines += ["", *_difference(path, committed.get(path), here.get(path))]
    return "\n".join(lines)


def machine_facts(report: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, str]:
    """Return what is recorded of a machine.

    Args:
        report: content of metrics/train.json.
        run: content of last_run.json; empty if there is none.
    """
    facts = {name: report[name] for name in MACHINE if name in report}
    for recorded in (report.get("machine"), run.get("machine")):
        facts |= dict(_leaves(recorded)) if isinstance(recorded, Mapping) else {}
    return {name: _written(fact) for name, fact in facts.items()}


def machines_text(committed: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return a line for each fact of the two machines."""
    lines = ["What is known of the two machines, that of the commit → this one:"]
    for name in sorted({*committed, *here, *WANTED}):
        old, new = (side.get(name, "not recorded") for side in (committed, here))
        lines.append(f"  {name}: {f'{new} (both)' if old == new else f'{old} → {new}'}")
    return "\n".join(lines)


def _difference(path: str, committed: Output | None, here: Output | None) -> list[str]:
    if here is None:
        return [f"{path}: in dvc.lock of the commit, but no stage makes it"]
    if committed is None:
        return [f"{path}: made here, but not in dvc.lock of the commit"]
    hashes = f"{_sizes(committed)} → {_sizes(here)}"
    if committed.content is None or here.content is None:
        return [f"{path}: {hashes}"]
    if committed.content == here.content:
        return [f"{path}: the file in git has the bytes made here, dvc.lock does not: {hashes}"]
    try:
        if path.endswith(".json"):
            return [f"{path}:", *_values(json.loads(committed.content), json.loads(here.content))]
        if path.endswith(".csv"):
            return [f"{path}: {_rows(committed.content.decode(), here.content.decode())}"]
    except ValueError:  # no JSON, or no text
        pass
    return [f"{path}: {hashes}"]


def _sizes(output: Output) -> str:
    size = "size unknown" if output.size is None else f"{output.size:,} bytes"
    return f"{size} (md5 {output.md5})"


def _values(committed: Any, here: Any) -> list[str]:
    """Return a line for each value that differs, up to SHOWN."""
    old, new = dict(_leaves(committed)), dict(_leaves(here))
    pairs = {
        name: tuple(_written(side[name]) if name in side else "absent" for side in (old, new))
        for name in dict.fromkeys([*old, *new])
    }
    lines = [f"  {name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
    if not lines:
        return ["  the same values, written differently"]
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"  and {more:,} values more"] if more > 0 else [])]


def _rows(committed: str, here: str) -> str:
    """Count the lines that differ, and show the first."""
    pairs = list(itertools.zip_longest(committed.split("\n"), here.split("\n"), fillvalue="absent"))
    differing = [number for number, (old, new) in enumerate(pairs, 1) if old != new]
    old, new = pairs[differing[0] - 1]
    return (
        f"{len(differing):,} of {len(pairs):,} lines differ, the first is line {differing[0]}: "
        f"{old} → {new}"
    )


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values in nested JSON with dotted names; a list of plain values is one value."""
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        items = [(str(number), item) for number, item in enumerate(value)]
    else:
        yield name, value
        return
    for key, item in items:
        yield from _leaves(item, f"{name}.{key}" if name else key)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
