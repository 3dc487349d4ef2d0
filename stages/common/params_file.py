"""Read and check all of params.yaml before any work. No other module reads it.

The dataclass of each section is in the folder that uses it: `ModelParams` in network/params.py,
`CrossValidationParams` in cross_validation/params.py, and that of a stage, for example
`TrainParams`, in its params.py. They are looked up by name: no
stage imports the parameters of another, but each stage refuses a wrong key in any section.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import re
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.common.errors import StageError
from stages.common.param_types import STRICT

_STAGES = Path(__file__).parents[1]
_OF_ALL_PROFILES = {"model": "network", "cross_validation": "cross_validation"}
"""The folder of each section that all profiles share."""
_CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)

Model = TypeVar("Model")
CrossValidation = TypeVar("CrossValidation")
Profile = TypeVar("Profile")


@dataclass(frozen=True, config=STRICT)
class Params(Generic[Model, CrossValidation, Profile]):
    """The whole of params.yaml."""

    profile: str
    """Chooses the data: cells that this project draws (2 CPU cores, minutes, no network), or the
    C-NMC 2019 images with ImageNet weights (wants a GPU)."""
    model: Model
    cross_validation: CrossValidation
    profiles: dict[str, Profile]

    def section(self, kind: type) -> Any:
        """Return the section of type `kind`: the model's, or a stage's in the chosen profile."""
        chosen = self.profiles[self.profile]
        shared = (getattr(self, name) for name in _OF_ALL_PROFILES)
        candidates = (*shared, *(getattr(chosen, name) for name in vars(chosen)))
        return next(section for section in candidates if type(section) is kind)


def sections() -> dict[str, type]:
    """Return the dataclass of each section by its name: the shared ones', and the stages'.

    A stage is a folder with a `__main__.py` and a `params.py`.
    """
    stages = sorted(path.parent.name for path in _STAGES.glob("*/params.py"))
    folders = {name: name for name in stages if (_STAGES / name / "__main__.py").exists()}
    folders |= _OF_ALL_PROFILES
    return {section: _dataclass(section, folder) for section, folder in folders.items()}


def _dataclass(section: str, folder: str) -> type:
    name = "".join(word.title() for word in section.split("_"))
    found: type = getattr(importlib.import_module(f"stages.{folder}.params"), f"{name}Params")
    return found


@functools.cache
def _schema() -> TypeAdapter[Params[Any, Any, Any]]:
    kinds = sections()
    model, cross_validation = (kinds.pop(name) for name in _OF_ALL_PROFILES)
    profile = dataclasses.make_dataclass(
        "ProfileParams", kinds.items(), frozen=True, namespace={"__pydantic_config__": STRICT}
    )
    return TypeAdapter(Params[model, cross_validation, profile])  # type: ignore[valid-type]


def load_params(path: Path) -> Params[Any, Any, Any]:
    """Read and check params.yaml.

    Raises:
        StageError: if the file is missing or no YAML; on an unknown, missing, wrong-typed or
            out-of-range key, or a profile that is not among `profiles`; the message names each.
    """
    try:
        # Validate JSON: for Python objects, pydantic's strict mode would require dataclasses.
        content = json.dumps(_read_as_dvc(path), default=str)
    except FileNotFoundError as error:
        raise StageError(
            f"{path} is missing; run this where params.yaml and dvc.yaml are"
        ) from error
    except (YAMLError, TypeError, ValueError) as error:  # json.dumps raises the last two
        if _CONFLICT.search(path.read_bytes()):
            raise StageError(
                f"{path} holds the marks of a merge conflict (<<<<<<<); settle it, then `git add "
                f"{path}`"
            ) from error
        problem = " ".join(str(error).split())
        remedy = "put a text with special characters, such as a path, into single quotes"
        if isinstance(error, UnicodeDecodeError):
            remedy = "save it as UTF-8"
        raise StageError(f"{path} is not valid YAML: {problem}; {remedy}") from error
    try:
        params: Params[Any, Any, Any] = _schema().validate_json(content)
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors())
        raise StageError(f"{path}: {problems}") from error
    if params.profile not in params.profiles:
        known = ", ".join(sorted(params.profiles))
        raise StageError(f"{path}: profile is {params.profile!r}, expected one of: {known}")
    return params


def _read_as_dvc(path: Path) -> Any:
    """Return the content as DVC reads and writes it, by YAML 1.2: `no` is a text, 1e-3 a number."""
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "the file"
    match problem["type"]:
        case "missing":
            return f"{key} is missing; add it"
        case "unexpected_keyword_argument" if key == "seed":  # a parameter until there were three
            return (
                "seed is three parameters now; remove it, and set download.synthetic_seed, "
                "split.seed and train.seed in each profile"
            )
        case "unexpected_keyword_argument":
            return f"{key} is not a known parameter; check its spelling or remove it"
    given, message = problem["input"], problem["msg"]
    hint = ""
    if problem["type"] == "string_type":
        hint = " (YAML does not read it as text, nor what follows a #: put it into single quotes)"
    if problem["type"] == "list_type" and isinstance(given, int):
        hint = f" (write {[*range(1, min(given, 10) + 1)]})"
    return f"{key} is {given!r}: {message[0].lower()}{message[1:]}{hint}"
