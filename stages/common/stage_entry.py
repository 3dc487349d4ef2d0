"""What every stage's entry needs: its paths, its parameters, and errors as one line."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import operator
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from stages.common.errors import StageError, explained
from stages.common.killed_experiment import left_by_killed_experiment
from stages.common.params_file import Params, load_params
from stages.common.shared_cache import require_open_cache
from stages.common.standard_streams import protect_standard_streams

PARAMS_FILE = Path("params.yaml")
_OPTIONS: dict[Any, type] = {Path: Path, int: int, int | None: int}
"""What an option's text becomes, by its type in the signature of a stage."""
STOP = (signal.SIGTERM, signal.SIGUSR1)
"""Signals that ask for an end. SLURM sends USR1 ahead of time, as `--signal` says."""


def run_stage(stage: Callable[..., str]) -> None:
    """Run a stage from the command line and exit.

    The stage's signature says what it needs. A `Path` or an `int` becomes an option: `cells_csv:
    Path` is `--cells-csv`; one with a default may be left out. A dataclass of parameters is its
    section of params.yaml, `profile: str` the key of this name, and `base: Annotated[str,
    "model.base"]` the key that it names; a key without a place at the top is that of the chosen
    profile. The stage returns the line that says what it made. An error that the user can fix
    becomes one line on standard error and exit code 1. Nothing that cannot be printed ends the
    stage.
    """
    protect_standard_streams()
    for number in STOP:
        signal.signal(number, _exit_on_signal)
    try:
        arguments: dict[str, Any] = _parse_options(stage)
        _require_path_of_dvc(str(Path.cwd()))
        require_open_cache()
        params = load_params(PARAMS_FILE)
        _tell_of_other_bits(stage)
        if left := left_by_killed_experiment():
            print(f"{stage.__name__}: {left}", file=sys.stderr, flush=True)
        arguments |= {name: _from_params(params, need) for name, need in needs(stage).items()}
        print(f"{stage.__name__}: {stage(**arguments)}")
    except (StageError, OSError) as error:
        print(f"{stage.__name__}: {explained(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{stage.__name__}: interrupted; run it again to go on", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _require_path_of_dvc(folder: str) -> None:
    """Refuse a folder whose outputs DVC 3.67 cannot keep: it would say so only after the work."""
    if found := sorted(set(re.findall(r"[{}\udc80-\udcff]", folder))):
        raise StageError(
            f"the path of this folder holds {', '.join(map(repr, found))}, and DVC takes no braces "
            f"and only UTF-8 there: {folder!r}; rename the folder, or move the project elsewhere"
        )


def _tell_of_other_bits(stage: Callable[..., str]) -> None:
    if "numpy" not in sys.modules:
        return
    from stages.common.numpy_answers import numpy_computes_as_others

    if numpy_computes_as_others() is False:
        print(
            f"{stage.__name__}: NumPy does not compute the bits of an x86-64 processor with AVX2 "
            "and FMA here: what depends on its last digits will differ from what others make",
            file=sys.stderr,
        )


def _exit_on_signal(number: int, frame: object) -> None:  # noqa: ARG001
    """Exit as after an error, so that half-written files are removed."""
    print(f"stopped by {signal.Signals(number).name}; run it again to go on", file=sys.stderr)
    sys.exit(128 + number)


def needs(stage: Callable[..., str]) -> dict[str, type | str]:
    """Return what a stage takes from params.yaml, by argument: a section's dataclass, or a key."""
    hints = get_type_hints(stage, include_extras=True)
    taken = {
        name: hints[name]
        for name in inspect.signature(stage).parameters
        if hints[name] not in _OPTIONS
    }
    return {name: _section_or_key(name, hint) for name, hint in taken.items()}


def _section_or_key(name: str, hint: Any) -> type | str:
    if dataclasses.is_dataclass(hint):
        return hint  # type: ignore[return-value]
    key: str = hint.__metadata__[-1] if hasattr(hint, "__metadata__") else name
    return key


def _parse_options(stage: Callable[..., str]) -> dict[str, Any]:
    hints = get_type_hints(stage, include_extras=True)
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module(stage)}", description=inspect.getdoc(stage)
    )
    for name, parameter in inspect.signature(stage).parameters.items():
        if kind := _OPTIONS.get(hints[name]):
            required = parameter.default is inspect.Parameter.empty
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, required=required)
    return vars(parser.parse_args())


def _module(stage: Callable[..., str]) -> str:
    """Return the name by which Python is told to run a stage."""
    run = sys.modules["__main__"].__spec__ if stage.__module__ == "__main__" else None
    return (stage.__module__ if run is None else run.name).removesuffix(".__main__")


def _from_params(params: Params[Any, Any, Any], need: type | str) -> Any:
    if not isinstance(need, str):
        return params.section(need)
    shared = hasattr(params, need.partition(".")[0])
    return operator.attrgetter(need)(params if shared else params.profiles[params.profile])
