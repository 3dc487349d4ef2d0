"""What holds for the project of these tests before any of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.dvc.project import Project, edited
from tests.dvc.scene import UP_TO_DATE

PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")


def test_the_pipeline_runs_in_a_path_with_a_space(origin: Project) -> None:
    assert " " in str(origin.folder)
    assert "up to date" in origin.run("dvc", "status")


def test_the_pipeline_runs_where_nothing_can_be_written_to_the_home(
    origin: Project, read_only_home: Path
) -> None:
    assert origin.environment["HOME"] == str(read_only_home)
    with pytest.raises(OSError, match=r"(?i)permission denied|no such file|read-only"):
        (read_only_home / "file").touch()


def test_nothing_but_outputs_is_left_beside_what_is_committed(origin: Project) -> None:
    assert origin.run("git", "status", "--porcelain") == ""


def test_a_clone_that_shares_the_cache_has_nothing_to_do(origin: Project, tmp_path: Path) -> None:
    clone = origin.clone(tmp_path / "clone")
    assert Path(clone.dvc("cache dir").strip()) == clone.cache == origin.cache
    assert UP_TO_DATE in clone.dvc("status")


def test_a_new_parameter_of_evaluate_changes_evaluate_alone(
    origin: Project, tmp_path: Path
) -> None:
    clone = origin.clone(tmp_path / "clone")
    code, params = clone.folder / "stages/evaluate/params.py", clone.folder / "params.yaml"
    described = '    decimals: int\n    """Decimals of a figure."""\n'
    code.write_text(code.read_text(encoding="utf-8") + described, encoding="utf-8")
    text = re.sub(r"( +)tta: .*", r"\g<0>\n\1decimals: 3", params.read_text(encoding="utf-8"))
    params.write_text(text, encoding="utf-8")
    loaded = "from stages.common.params_file import load_params; from pathlib import Path"
    program = (
        f"{loaded}; print(load_params(Path('params.yaml')).profiles['cnmc'].evaluate.decimals)"
    )
    assert clone.run("python", "-c", program) == "3\n"
    assert list(json.loads(clone.dvc("status --json"))) == ["evaluate"]


def test_each_seed_changes_the_stage_that_it_is_for_and_no_other(
    origin: Project, tmp_path: Path
) -> None:
    clone = origin.clone(tmp_path / "clone")
    for key in ("download.synthetic_seed", "split.seed", "train.seed"):
        clone.set_param(f"profiles.synthetic.{key}", 5)
    assert list(json.loads(clone.dvc("status --json"))) == ["download", "split", "train"]


def test_a_clone_that_has_pulled_nothing_has_a_cache_of_its_own(
    origin: Project, tmp_path: Path
) -> None:
    clone = origin.clone(tmp_path / "clone", pulled=False)
    assert Path(clone.dvc("cache dir").strip()) == clone.cache != origin.cache


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profile", "cnmc"),
        ("profiles.cnmc.train.policy.factor", 0.25),
        ("profiles.cnmc.evaluate.tta", "d4"),
    ],
)
def test_an_edit_changes_its_parameter_and_nothing_else(key: str, value: object) -> None:
    expected = yaml.safe_load(PARAMS)
    section = expected
    *parents, last = key.split(".")
    for parent in parents:
        section = section[parent]
    section[last] = value
    assert yaml.safe_load(edited(PARAMS, key, value)) == expected
    assert edited(PARAMS, key, value).count("#") == PARAMS.count("#")
