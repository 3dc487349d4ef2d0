"""What DVC's daily commands cost where there is nothing to do, and what stages import.

    .venv/bin/python -m benchmarks.daily --json figures.json

In a clone with tiny parameters, run once (a minute). A `dvc repro` with nothing to do should take
no more than 1.5 times a bare `dvc status`.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.turns import in_turns, table
from stages.files import write_json
from tests.dvc.project import STAGES, Project, tiny_project, user_environment

STATUS, REPRO = "dvc status", "dvc repro"
UP_TO_DATE = "Data and pipelines are up to date."


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and write the figures to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        clone = tiny_project(
            Path(scratch) / "project", user_environment(Path(scratch), home=Path(scratch))
        )
        clone.dvc("repro --force")
        ways = {name: _timed(clone, name) for name in (STATUS, REPRO)}
        seconds = in_turns(ways, rounds=options.rounds)
        print(table(seconds, base=STATUS))
        imports = {stage: stage_imports(clone, stage) for stage in STAGES}
    print("| stage | CPU s | of which importing | TensorFlow |\n| --- | --- | --- | --- |")
    for stage, cost in imports.items():
        print(f"| {stage} | {cost['cpu']:.1f} | {cost['importing']:.1f} | {cost['tensorflow']} |")
    if options.json:
        write_json({"seconds": seconds, "imports": imports}, options.json)


def stage_imports(clone: Project, stage: str) -> dict[str, Any]:
    """Run a stage as dvc.yaml has it, and return its CPU seconds and those of its imports."""
    pipeline = yaml.safe_load((clone.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    options = pipeline[stage]["cmd"].removeprefix("exec ").split()[1:]
    before = _cpu()
    talking = clone.with_variables({"TF_CPP_MIN_LOG_LEVEL": "0"})  # see quiet.py
    printed = talking.run("python", "-X", "importtime", *options)
    lines = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", printed, re.MULTILINE)
    return {
        "cpu": _cpu() - before,
        "importing": sum(int(microseconds) for microseconds, _ in lines) / 1e6,
        "tensorflow": any(name == "tensorflow" for _, name in lines),
    }


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.daily", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=10, help="runs of each command")
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser


if __name__ == "__main__":
    main()
