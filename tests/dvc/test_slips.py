"""What people do to a repository: conflicts, edits by hand, slips in params.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dvc.conftest import Clone
from tests.dvc.project import RATE, Project, stages_run

SPLIT = "profiles.synthetic.split"


@pytest.fixture(scope="module")
def one_clone(origin: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return origin.clone(tmp_path_factory.mktemp("of faults") / "clone")


@pytest.fixture
def project(one_clone: Project) -> Iterator[Project]:
    """A clone for what leaves no more behind than `git reset` and `dvc checkout` take away."""
    yield one_clone
    one_clone.run("git", "reset", "--quiet", "--hard")
    one_clone.run("dvc", "checkout", "--quiet")


@pytest.fixture(scope="module")
def two_branches(forked: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """X changed the learning rate, Y the threshold; what both make together was made before."""
    project = forked.clone(tmp_path_factory.mktemp("of branches") / "clone")
    project.run("git", "fetch", "--quiet", "origin", "main:main")
    project.set_param("profiles.synthetic.evaluate.threshold", 0.6)
    project.run("dvc", "repro")
    project.run("git", "reset", "--quiet", "--hard")
    project.run("git", "switch", "--quiet", "--create", "Y", "main")
    project.set_param("profiles.synthetic.evaluate.threshold", 0.6)
    project.run("dvc", "repro")
    project.commit("Raise the threshold")
    return project


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_after_a_merge_conflict_either_lock_leads_to_what_both_branches_make(
    two_branches: Project, side: str
) -> None:
    project = two_branches
    project.run("git", "switch", "--quiet", "--force-create", "merged", "Y")
    conflict = project.run("git", "merge", "X", code=1)
    assert "CONFLICT (content): Merge conflict in dvc.lock" in conflict
    assert "params.yaml" not in re.findall(r"Merge conflict in (\S+)", conflict)
    assert "dvc.lock" in project.run("dvc", "repro", code=255)  # told, and nothing is run

    project.run("git", "checkout", "--quiet", side, "--", "dvc.lock", "metrics")
    assert stages_run(project.run("dvc", "repro")) == []
    project.run("git", "commit", "--all", "--quiet", "--message", "Merge X")

    assert "up to date" in project.run("dvc", "status")
    assert "are those of this code" in project.run("python", "-m", "stages.locked")
    assert "0.003" in project.run("dvc", "params", "diff", "Y")
    assert "0.6" in project.run("dvc", "params", "diff", "X")


def test_an_output_edited_by_hand_is_noticed_and_made_right_again(project: Project) -> None:
    cells = project.folder / "data/splits/cells.csv"
    right = cells.read_bytes()
    # In place. Through a link it would go into the cache, from where `dvc repro` would take it.
    cells.write_bytes(right.replace(b",test", b",train", 1))
    status = project.run("dvc", "status")
    assert re.search(r"split:\s+changed outs:\s+modified: +data/splits/cells.csv", status)
    locked = project.run("python", "-m", "stages.locked", code=1)
    assert "split: data/splits/cells.csv is modified" in locked

    assert stages_run(project.run("dvc", "repro")) == []

    assert cells.read_bytes() == right
    assert "up to date" in project.run("dvc", "status")


def test_metrics_edited_by_hand_are_noticed_and_made_right_again(project: Project) -> None:
    path = project.folder / "metrics/test.json"
    path.write_text(path.read_text().replace('"accuracy": 0', '"accuracy": 1', 1))
    assert "evaluate: metrics/test.json is modified" in project.run(
        "python", "-m", "stages.locked", code=1
    )
    assert stages_run(project.run("dvc", "repro")) == []
    assert project.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (f"{SPLIT}.test_share", 1.5, f"{SPLIT}.test_share is 1.5: input should be less than 1"),
        (f"{SPLIT}.strategy", 5, f"{SPLIT}.strategy is 5: input should be 'stratified' or"),
        ("profile", "cmnc", "Parameters 'profiles.cmnc.download' are missing from 'params.yaml'."),
    ],
)
def test_a_wrong_parameter_stops_the_first_stage_that_has_it_and_loses_nothing(
    project: Project, key: str, value: object, message: str
) -> None:
    project.set_param(key, value)

    output = project.run("dvc", "repro", code=255)

    assert message in output
    assert stages_run(output) == ([] if key == "profile" else ["split"])
    assert "Traceback" not in output
    project.run("git", "checkout", "--quiet", ".")
    project.run("dvc", "checkout", "--quiet")
    assert "up to date" in project.run("dvc", "status")


def test_a_key_misspelt_by_hand_is_named(project: Project) -> None:
    params = project.folder / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("test_share", "test_shape"))
    output = project.run("dvc", "repro", code=255)
    assert f"{SPLIT}.test_share is missing; add it" in output
    assert f"{SPLIT}.test_shape is not a known parameter; check its spelling" in output


@pytest.mark.parametrize("key", [f"{RATE}s", "profiles.synthetic.trian.learning_rate", "sead"])
def test_a_key_misspelt_in_an_experiment_is_refused_before_anything_runs(
    project: Project, key: str
) -> None:
    output = project.run("dvc", "exp", "run", "-S", f"{key}=1", code=255)
    assert f"Could not override '{key}'" in output
    assert project.run("git", "status", "--porcelain") == ""


def test_a_key_that_no_stage_reads_is_noticed_in_what_is_committed(project: Project) -> None:
    with (project.folder / "params.yaml").open("a") as params:
        params.write("sead: 5\n")
    assert stages_run(project.run("dvc", "repro")) == []  # DVC asks no stage
    assert "sead is not a known parameter" in project.run("python", "-m", "stages.locked", code=2)


def test_dvc_still_cannot_write_letters_beyond_ascii_into_its_settings(
    clone: Clone, tmp_path: Path
) -> None:
    # When this fails, DVC has been mended: take the warning out of the README.
    project = clone("für")
    address = str(tmp_path / "für")
    output = project.run("dvc", "remote", "modify", "local", "url", address, code=255)
    assert "'ascii' codec can't encode character" in output
    assert (project.folder / ".dvc/config").read_text() == ""
    project.run("git", "checkout", "--quiet", ".dvc/config")
    (project.folder / ".dvc/config.local").unlink()
    experiment = ["dvc", "exp", "run", "--temp", "-S", f"{RATE}=0.003"]
    assert "'ascii' codec can't encode character" in project.run(*experiment, code=255)

    with (project.folder / ".dvc/config.local").open("a", encoding="utf-8") as settings:
        settings.write(f"['remote \"local\"']\n    url = {address}\n")
    assert address in project.run("dvc", "remote", "list")
