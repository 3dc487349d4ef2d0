"""What every stage's entry needs: its paths, its parameters, and errors as one line."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from stages.errors import StageError
from stages.params import Params, load_params

PARAMS_FILE = Path("params.yaml")


def run_stage(stage: Callable[..., str]) -> None:
    """Run a stage from the command line and exit.

    The stage's signature says what it needs: each `Path` becomes an option (`cells_csv: Path`
    is `--cells-csv`), each dataclass of stages.params is that section of params.yaml, and
    `seed: int` is the seed. It returns the line that says what was made. What the user can mend
    ends in one line on standard error and exit code 1.
    """
    hints = get_type_hints(stage)
    signal.signal(signal.SIGTERM, _exit_orderly)
    try:
        arguments: dict[str, Any] = _parse_paths(stage, hints)
        params = load_params(PARAMS_FILE)
        arguments |= {name: _from_params(params, name, hints[name]) for name in needs(stage)}
        print(f"{stage.__name__}: {stage(**arguments)}")
    except (StageError, OSError) as error:
        print(f"{stage.__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{stage.__name__}: interrupted; run it again to go on", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _exit_orderly(number: int, frame: object) -> None:  # noqa: ARG001
    """Leave as after an error: what is half-written goes."""
    print(f"stopped by {signal.Signals(number).name}; run it again to go on", file=sys.stderr)
    sys.exit(128 + number)


def needs(stage: Callable[..., str]) -> dict[str, type]:
    """Return the arguments of a stage that come from params.yaml, and their types."""
    hints = get_type_hints(stage)
    return {
        name: hints[name] for name in inspect.signature(stage).parameters if hints[name] is not Path
    }


def _parse_paths(stage: Callable[..., str], hints: dict[str, type]) -> dict[str, Path]:
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{stage.__name__}", description=inspect.getdoc(stage)
    )
    for name in inspect.signature(stage).parameters:
        if hints[name] is Path:
            parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True)
    return vars(parser.parse_args())


def _from_params(params: Params, name: str, kind: type) -> Any:
    return params.section(kind) if dataclasses.is_dataclass(kind) else getattr(params, name)
