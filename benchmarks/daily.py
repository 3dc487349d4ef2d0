"""Time DVC's daily commands when there is nothing to do, and the imports of the stages.

    .venv/bin/python -m benchmarks.daily --json figures.json

It uses a clone with tiny parameters, in which every stage runs once (a minute). A `dvc repro` with
nothing to do should take at most 1.5 times as long as `dvc status`.
"""

from __future__ import annotations

import re
import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import stage_arguments
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import in_turns, ratio
from tests.dvc.project import STAGES, Project, tiny_project, user_environment

STATUS, REPRO = "dvc status", "dvc repro"
UP_TO_DATE = "Data and pipelines are up to date."


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the row, and write it to a file if asked to."""
    options = part_parser("daily", __doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        clone = tiny_project(
            Path(scratch) / "project", user_environment(Path(scratch), home=Path(scratch))
        )
        imports = {stage: stage_imports(clone, stage) for stage in STAGES}
        clone.dvc("commit --force")
        ways = {name: _timed(clone, name) for name in (REPRO, STATUS)}
        seconds = in_turns(ways, rounds=options.rounds)
    row = Row(
        part="dvc repro with nothing to do",
        against="dvc status",
        how="In a clone with tiny parameters, in which every stage has run. "
        f"{_imports_text(imports)}",
        ratio=ratio(seconds, REPRO, STATUS),
        target={"at_most": 1.5},
        ways=seconds,
    )
    tell([row], options.json)


def stage_imports(clone: Project, stage: str) -> dict[str, Any]:
    """Run a stage as in dvc.yaml; return its CPU seconds, and the seconds of its imports."""
    before = _cpu()
    talking = clone.with_variables({"TF_CPP_MIN_LOG_LEVEL": "0"})  # see tensorflow_import.py
    printed = talking.run("python", "-X", "importtime", *stage_arguments(stage))
    lines = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", printed, re.MULTILINE)
    return {
        "cpu": _cpu() - before,
        "importing": sum(int(microseconds) for microseconds, _ in lines) / 1e6,
        "tensorflow": any(name == "tensorflow" for _, name in lines),
    }


def _imports_text(imports: Mapping[str, Mapping[str, Any]]) -> str:
    told = ", ".join(
        f"{stage} {cost['importing']:.1f} of {cost['cpu']:.1f} s"
        + " (TensorFlow, too)" * cost["tensorflow"]
        for stage, cost in imports.items()
    )
    return f"Importing, of the CPU time of each of these stages, once: {told}."


def _timed(clone: Project, command: str) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        printed = clone.run(*command.split())
        seconds = time.perf_counter() - began
        if UP_TO_DATE not in printed:
            raise RuntimeError(f"{command} had something to do: {printed}")
        return seconds

    return run


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
