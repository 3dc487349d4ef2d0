"""dvc.yaml names what the code of each stage imports and takes."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.common.params_file import sections
from stages.common.stage_entry import needs
from stages.network.params import ModelParams
from tests.conftest import ROOT
from tests.pipeline.imports import closure

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text())


def option_paths(name: str) -> dict[str, str]:
    return dict(re.findall(r"--(\S+) (\S+)", STAGES[name]["cmd"]))


def outputs(stage: dict) -> set[str]:
    listed = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return {next(iter(item)) if isinstance(item, dict) else item for item in listed}


def stages_run_after_a_change_of(key: str) -> list[str]:
    """The stages that read the key, and those that depend on an output of such a stage."""
    run: list[str] = []
    changed: set[str] = set()
    for name, stage in STAGES.items():  # in the order of the data
        read = [section.replace("${profile}", "synthetic") for section in stage["params"]]
        reads = any(f"{key}.".startswith(f"{section}.") for section in read)
        if reads or changed & set(stage["deps"]):
            run.append(name)
            changed |= outputs(stage)
    return run


def code(name: str) -> set[str]:
    """The files and folders of code that DVC has a stage depend on."""
    return {path for path in STAGES[name]["deps"] if path.startswith("stages/")}


def dependency(file: Path) -> str:
    """What DVC has a stage depend on for a shared module: of the report all, with its templates."""
    path = file.relative_to(ROOT)
    return "stages/report" if path.is_relative_to("stages/report") else str(path)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_its_own_folder_and_each_shared_module_it_imports(name: str) -> None:
    folder = ROOT / "stages" / name
    reached = closure(set(folder.rglob("*.py")))
    shared = {dependency(file) for file in reached if not file.is_relative_to(folder)}
    assert code(name) == shared | {f"stages/{name}"}


@pytest.mark.parametrize("name", STAGES)
def test_a_key_of_a_stage_changes_no_file_that_another_stage_depends_on(name: str) -> None:
    own = f"stages/{name}/params.py"
    assert (ROOT / own).is_file()
    for other in set(STAGES) - {name}:
        assert not any(own == path or own.startswith(f"{path}/") for path in code(other)), other


@pytest.mark.parametrize("name", STAGES)
def test_every_option_of_a_stage_is_a_dependency_or_an_output(name: str) -> None:
    paths = set(option_paths(name).values())
    made = outputs(STAGES[name])
    read = set(STAGES[name]["deps"])
    assert paths <= made | read
    assert made <= paths
    data = {path for path in read if not path.startswith(("stages/", "requirements"))}
    assert data <= paths


@pytest.mark.parametrize("name", STAGES)
def test_the_options_in_cmd_are_those_that_the_stage_takes(name: str) -> None:
    stage = getattr(importlib.import_module(f"stages.{name}.__main__"), name)
    taken = [key for key, kind in stage.__annotations__.items() if kind in (Path, "Path")]
    assert list(option_paths(name)) == [key.replace("_", "-") for key in taken]
    assert STAGES[name]["cmd"].removeprefix("exec ").startswith(f"python -m stages.{name} ")


def test_no_shell_stands_between_dvc_and_the_stage_that_minds_its_parent() -> None:
    assert STAGES["train"]["cmd"].startswith("exec ")


@pytest.mark.parametrize("name", STAGES)
def test_the_parameters_in_dvc_yaml_are_those_that_the_stage_takes(name: str) -> None:
    stage = getattr(importlib.import_module(f"stages.{name}.__main__"), name)
    of_kind = {kind: f"profiles.${{profile}}.{section}" for section, kind in sections().items()}
    of_kind[ModelParams] = "model"
    taken = {need if isinstance(need, str) else of_kind[need] for need in needs(stage).values()}
    assert set(STAGES[name]["params"]) == taken


@pytest.mark.parametrize(
    ("key", "run"),
    [
        ("download.synthetic_seed", ["download", "split", "preprocess", "train", "evaluate"]),
        ("split.seed", ["split", "train", "evaluate"]),
        ("split.strategy", ["split", "train", "evaluate"]),
        ("preprocess.image_size", ["preprocess", "train", "evaluate"]),
        ("train.seed", ["train", "evaluate"]),
    ],
)
def test_a_change_runs_its_own_stage_and_those_that_need_it_alone(key: str, run: list[str]) -> None:
    assert stages_run_after_a_change_of(f"profiles.synthetic.{key}") == run


def test_the_sections_of_a_profile_are_the_stages_in_their_order() -> None:
    assert set(sections()) == {"model", "cross_validation", *STAGES}
    for profile in SHIPPED["profiles"].values():
        assert list(profile) == list(STAGES)


def test_both_profiles_have_the_same_keys() -> None:
    def keys(section: object) -> object:
        if not isinstance(section, dict):
            return None
        return {key: keys(value) for key, value in section.items()}

    profiles = SHIPPED["profiles"]
    assert keys(profiles["synthetic"]) == keys(profiles["cnmc"])


def test_the_real_profile_is_the_recipe() -> None:
    train = SHIPPED["profiles"]["cnmc"]["train"]
    expected = {"optimizer": "Adamax", "learning_rate": 1e-3, "batch_size": 40, "epochs": 40}
    assert {key: train[key] for key in expected} == expected
    assert [key for key, value in train["augmentation"].items() if value] == ["horizontal_flip"]
    assert (train["sampling"], train["class_weights"]) == ("natural", "none")
    assert train["label_smoothing"] == 0
    assert train["policy"]["factor"] == 0.5
    assert SHIPPED["profiles"]["cnmc"]["download"]["weights"] == "imagenet"
    assert SHIPPED["model"]["base"] == "EfficientNetB3"
    assert SHIPPED["profiles"]["cnmc"]["split"]["seed"] == train["seed"] == 123


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_is_for(name: str) -> None:
    assert STAGES[name]["desc"]


def test_every_stage_whose_libraries_can_change_its_output_depends_on_their_versions() -> None:
    # download alone does not: it verifies bytes, and a new library must not fetch 1 GB again.
    with_pins = {name for name in STAGES if "requirements.txt" in STAGES[name]["deps"]}
    assert with_pins == set(STAGES) - {"download"}


def test_plots_have_templates_and_axis_titles() -> None:
    listed = [PIPELINE["plots"], *(stage.get("plots", []) for stage in STAGES.values())]
    plots = {
        name: settings for items in listed for item in items for name, settings in item.items()
    }
    assert {"metrics/roc.csv", "metrics/confusion.csv", "metrics/history.csv", "loss"} <= set(plots)
    del plots["metrics/gallery"]  # pictures
    for name, settings in plots.items():
        assert {"template", "title", "x", "y", "x_label", "y_label"} <= set(settings), name


def test_metrics_and_plots_stand_in_git_and_the_rest_in_the_cache() -> None:
    for stage in STAGES.values():
        for kind in ("metrics", "plots"):
            for item in stage.get(kind, []):
                ((path, settings),) = item.items()
                assert settings.get("cache", True) is (path == "metrics/gallery")
        assert all(isinstance(out, str) for out in stage["outs"])


def test_cached_outputs_are_git_ignored_by_the_committed_file() -> None:
    ignored = [
        line.strip("/")
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if line.startswith("/")
    ]
    for stage in STAGES.values():
        for out in stage["outs"]:
            assert any(out == entry or out.startswith(f"{entry}/") for entry in ignored), out


@pytest.mark.integration
def test_dvc_lock_was_made_by_this_code_with_these_parameters() -> None:
    dvc = Path(sys.executable).with_name("dvc")
    finished = subprocess.run(
        [dvc, "status", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for stage, changes in json.loads(finished.stdout).items():
        for change in changes:
            assert isinstance(change, dict), f"{stage}: {change}"  # else the command has changed
            states = change.get("changed deps", {}) | change.get("changed outs", {})
            # What a clone has not pulled is missing; what does not fit the lock is modified.
            missing = {"deleted", "not in cache"}
            assert set(states.values()) <= missing, f"{stage}: {states}"
