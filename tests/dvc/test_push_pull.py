"""What goes to a remote and comes from it, for each kind that docs/recipes.md has commands for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.pages import command, section
from tests.dvc.project import STAGES, Project, stages_run
from tests.dvc.remotes import PASSWORD, REMOTES, folder_remote
from tests.dvc.scene import UP_TO_DATE, Pushed


@pytest.fixture(params=REMOTES)
def pushed(request: pytest.FixtureRequest, pushed_to: Callable[[str], Pushed]) -> Pushed:
    return pushed_to(request.param)


def test_a_push_takes_every_output_to_the_remote_and_a_second_one_nothing(pushed: Pushed) -> None:
    described = set(pushed.publisher.outputs().values())
    in_git = {hash_ for path, hash_ in pushed.publisher.outputs().items() if is_in_git(path)}
    assert described - in_git <= set(pushed.remote.objects())
    assert not in_git & set(pushed.remote.objects())
    assert f"{len(pushed.remote.objects())} files pushed" in pushed.printed
    assert "Everything is up to date." in pushed.publisher.dvc("push")


def test_after_a_pull_elsewhere_there_is_nothing_to_do(pushed: Pushed, tmp_path: Path) -> None:
    clone = pushed.elsewhere(tmp_path.name)
    clone.dvc("pull")
    printed = clone.dvc("repro")
    assert stages_run(printed) == []
    assert UP_TO_DATE in printed
    assert UP_TO_DATE in clone.dvc("status")
    assert clone.objects() == set(pushed.remote.objects())
    assert clone.git("status --porcelain") == ""


@pytest.mark.parametrize("pushed", ["A folder"], indirect=True)
def test_a_part_can_be_pulled_alone(pushed: Pushed, tmp_path: Path) -> None:
    clone = pushed.elsewhere(tmp_path.name)
    outputs = clone.outputs()
    clone.dvc("pull train")
    assert clone.objects() == {outputs["models/model.keras"]}
    clone.dvc("pull metrics/report.html metrics/gallery")
    added = clone.objects() - {outputs["models/model.keras"]}
    assert {outputs["metrics/report.html"], outputs["metrics/gallery"]} < added
    gallery = list((clone.folder / "metrics/gallery").iterdir())
    assert len(added) == 2 + len(gallery)


@pytest.mark.parametrize("pushed", ["A folder", "HTTP"], indirect=True)
def test_a_run_downloads_only_what_its_stages_read(pushed: Pushed, tmp_path: Path) -> None:
    clone = pushed.elsewhere(tmp_path.name)
    assert UP_TO_DATE in clone.dvc("repro --pull --allow-missing")
    assert clone.objects() == set()
    clone.set_param("profiles.synthetic.split.validation_share", 0.2)
    assert stages_run(clone.dvc("repro --pull --allow-missing split")) == ["split"]
    needed = ("data/raw/cnmc.zip", "data/raw/external")
    unchanged = ("data/splits/external.csv", "data/splits/identical_images.csv")
    known = {clone.outputs()[path] for path in (*needed, *unchanged)}
    listed = (clone.folder / "data/raw/external/sets.json").read_bytes()
    known.add(hashlib.md5(listed, usedforsecurity=False).hexdigest())
    assert clone.objects() & set(pushed.remote.objects()) == known


def test_no_credential_is_in_what_git_has(pushed: Pushed) -> None:
    assert PASSWORD not in pushed.publisher.git("log --patch --max-count=1")
    assert PASSWORD not in pushed.publisher.dvc("remote list")


def test_a_remote_of_another_kind_is_chosen_after_what_only_the_old_one_knows(
    origin: Project, tmp_path: Path
) -> None:
    clone = origin.clone(tmp_path / "clone", pulled=False)
    clone.dvc("remote modify local url https://host/path")
    clone.dvc("remote modify local method PUT")
    change = f"remote modify local url {tmp_path / 'remote'}"
    assert "extra keys not allowed" in clone.dvc(change, code=251)
    clone.dvc("remote modify --unset local method")
    clone.dvc(change)
    assert str(tmp_path / "remote") in clone.dvc("remote list")


def test_the_list_of_runs_travels_but_to_a_web_server(pushed: Pushed, tmp_path: Path) -> None:
    pushed.publisher.dvc("push --run-cache")
    clone = pushed.elsewhere(tmp_path.name)
    clone.dvc("pull --run-cache train")
    assert len(runs := clone.runs()) >= (0 if pushed.remote.kind == "HTTP" else len(STAGES))
    assert runs == (set() if pushed.remote.kind == "HTTP" else pushed.publisher.runs())


def test_runs_of_other_parameters_are_restored_elsewhere_if_the_whole_cache_goes_along(
    apart: Callable[[str], Project], tmp_path: Path
) -> None:
    with folder_remote(tmp_path) as remote:
        publisher = remote.connect(apart("tries"))
        (publisher.folder / ".dvc/config.local").unlink(missing_ok=True)
        publisher.git("commit --all --quiet", message="Another remote")
        publisher.dvc("push")
        publisher.set_param("profiles.synthetic.split.validation_share", 0.22)
        assert stages_run(publisher.dvc("repro split")) == ["split"]
        publisher.dvc("push --run-cache")
        assert split_elsewhere(publisher, "entries-alone") == ["split"]
        copy = command(section("recipes.md", "Share runs of other parameters"), "cp ")
        publisher.run(*copy.replace("../leukemia-dvc-remote", remote.url).split())
        assert split_elsewhere(publisher, "whole-cache") == []


def split_elsewhere(publisher: Project, name: str) -> list[str]:
    """The stages that run elsewhere after a change that the publisher has tried before."""
    clone = publisher.beside(name, pulled=False)
    clone.dvc("pull --run-cache")
    clone.set_param("profiles.synthetic.split.validation_share", 0.22)
    return stages_run(clone.dvc("repro --pull split"))


def is_in_git(path: str) -> bool:
    return path.startswith("metrics/") and path not in ("metrics/report.html", "metrics/gallery")
