"""cross_validation/dvc.yaml names what the code of each stage imports and takes."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from stages.common.stage_entry import needs
from stages.cross_validation.params import CrossValidationParams
from stages.train.params import TrainParams
from tests.conftest import ROOT
from tests.pipeline.imports import closure
from tests.pipeline.test_dvc_yaml import STAGES as MAIN
from tests.pipeline.test_dvc_yaml import dependency, outputs

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "cross_validation/dvc.yaml").read_text())["stages"]
OWN = sorted(set(STAGES) - {"member"})
MEMBER = "cross_validation/members/fold-${item.fold}-seed-${item.seed}"


def entry(name: str) -> Callable[..., str]:
    """The function of a stage, which has its name."""
    module = re.search(r"python -m (\S+)", STAGES[name]["cmd"])
    assert module is not None
    found: Callable[..., str] = getattr(importlib.import_module(module[1]), name)
    return found


def options(name: str) -> dict[str, str]:
    return dict(re.findall(r"--(\S+) (\S+)", STAGES[name]["cmd"]))


def is_code(path: str) -> bool:
    return path.startswith(("stages/", "requirements"))


@pytest.mark.parametrize("name", OWN)
def test_a_stage_depends_on_its_module_and_all_that_it_imports(name: str) -> None:
    reached = closure({Path(str(importlib.import_module(entry(name).__module__).__file__))})
    expected = {dependency(file) for file in reached} | {"requirements.txt"}
    templates = {path for path in STAGES[name]["deps"] if path.endswith(".jinja")}
    assert {path for path in STAGES[name]["deps"] if is_code(path)} == expected | templates
    assert bool(templates) == ("stages/cross_validation/pooled_report.py" in expected)


@pytest.mark.parametrize("name", OWN)
def test_the_options_in_cmd_are_those_that_the_stage_takes(name: str) -> None:
    hints = get_type_hints(entry(name), include_extras=True)
    taken = [key for key, kind in hints.items() if kind in (Path, int)]
    assert [option.replace("-", "_") for option in options(name)] == taken


@pytest.mark.parametrize("name", OWN)
def test_every_option_of_a_stage_is_a_dependency_or_an_output(name: str) -> None:
    paths = {path for path in options(name).values() if not path.startswith("${item")}
    made = outputs(STAGES[name])
    read = {path for path in STAGES[name]["deps"] if not is_code(path)}
    by_hash = {"cross_validation/members"} if name == "ensemble" else set()
    assert paths == made | read | by_hash


@pytest.mark.parametrize("name", OWN)
def test_the_parameters_in_dvc_yaml_are_those_that_the_stage_takes(name: str) -> None:
    whole = {
        f"cross_validation.{field.name}" for field in dataclasses.fields(CrossValidationParams)
    }
    taken = set()
    for need in needs(entry(name)).values():
        if need is CrossValidationParams:
            taken |= whole
        else:
            taken.add(need if need == "profile" else f"profiles.${{profile}}.{need}")
    listed = set(STAGES[name]["params"])
    if "cross_validation" in listed:
        listed = (listed - {"cross_validation"}) | whole
    not_read = {"cross_validation.seeds"} if name == "folds" else set()
    assert listed == taken - not_read


def test_a_member_is_trained_by_the_stage_train() -> None:
    member, train = STAGES["member"], MAIN["train"]
    assert member["cmd"].startswith("exec python -m stages.train ")
    assert options("member") | {"seed": ""} == {
        **dict(re.findall(r"--(\S+) (\S+)", train["cmd"])),
        "cells-csv": "cross_validation/folds/fold-${item.fold}.csv",
        "model-keras": f"{MEMBER}/model.keras",
        "report": f"{MEMBER}/train.json",
        "history-csv": f"{MEMBER}/history.csv",
        "seed": "",
    }
    fold = "cross_validation/folds/fold-${item.fold}.csv"
    assert set(member["deps"]) == set(train["deps"]) - {"data/splits/cells.csv"} | {fold}


def test_a_member_has_the_parameters_of_train_but_for_the_seed() -> None:
    keys = {field.name for field in dataclasses.fields(TrainParams)} - {"seed"}
    assert set(STAGES["member"]["params"]) == {
        "model",
        *(f"profiles.${{profile}}.train.{key}" for key in keys),
    }


def test_no_stage_has_the_name_of_one_in_the_other_dvc_yaml() -> None:
    assert not set(STAGES) & set(MAIN)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_at_the_root_and_says_what_it_is_for(name: str) -> None:
    assert STAGES[name]["wdir"] == ".."
    assert STAGES[name]["desc"]


def test_metrics_and_plots_stand_in_git_and_the_rest_in_the_cache() -> None:
    ignored = [
        f"cross_validation{line.rstrip('/')}"
        for line in (ROOT / "cross_validation/.gitignore").read_text().splitlines()
        if line.startswith("/")
    ]
    for stage in STAGES.values():
        for kind in ("metrics", "plots"):
            for item in stage.get(kind, []):
                ((_, settings),) = item.items()
                assert settings["cache"] is False
        for out in stage["outs"]:
            assert out.startswith((*ignored, "models/")), out
