"""What goes to a remote and comes from it, for each kind that the README has a recipe for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dvc.clones import STAGES, Clone, stages_run
from tests.dvc.remotes import PASSWORD, REMOTES, Remote

pytest_plugins = ["tests.dvc.first_run"]
pytestmark = pytest.mark.dvc

UP_TO_DATE = "Data and pipelines are up to date."


@dataclass(frozen=True)
class Pushed:
    """A clone that has pushed everything, to a remote that it has been pointed at."""

    remote: Remote
    publisher: Clone
    printed: str

    def elsewhere(self, name: str) -> Clone:
        """Clone it as on another machine, which has pulled nothing."""
        shutil.rmtree(self.publisher.folder.with_name(name), ignore_errors=True)
        return self.remote.connect_alike(self.publisher.clone(name))


@pytest.fixture(scope="module", params=REMOTES)
def pushed(
    request: pytest.FixtureRequest, first_run: Clone, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushed]:
    with REMOTES[request.param](tmp_path_factory.mktemp("remote")) as remote:
        name = f"publisher-{list(REMOTES).index(request.param)}"
        publisher = remote.connect(first_run.clone(name, shares_cache=True))
        publisher.git("commit --all --quiet", message="Another remote")
        yield Pushed(remote, publisher, publisher.dvc("push"))


def test_a_push_takes_every_output_to_the_remote_and_a_second_one_nothing(pushed: Pushed) -> None:
    described = set(pushed.publisher.outputs().values())
    in_git = {hash_ for path, hash_ in pushed.publisher.outputs().items() if is_in_git(path)}
    assert described - in_git <= set(pushed.remote.objects())
    assert not in_git & set(pushed.remote.objects())
    assert f"{len(pushed.remote.objects())} files pushed" in pushed.printed
    assert "Everything is up to date." in pushed.publisher.dvc("push")


def test_after_a_pull_elsewhere_there_is_nothing_to_do(pushed: Pushed) -> None:
    clone = pushed.elsewhere("pulled")
    clone.dvc("pull")
    printed = clone.dvc("repro")
    assert stages_run(printed) == []
    assert UP_TO_DATE in printed
    assert UP_TO_DATE in clone.dvc("status")
    assert clone.objects() == set(pushed.remote.objects())
    assert clone.git("status --porcelain") == ""


def test_a_part_can_be_pulled_alone(pushed: Pushed) -> None:
    clone = pushed.elsewhere("parts")
    outputs = clone.outputs()
    clone.dvc("pull train")
    assert clone.objects() == {outputs["models/model.keras"]}
    clone.dvc("pull metrics/report.html metrics/gallery")
    added = clone.objects() - {outputs["models/model.keras"]}
    assert {outputs["metrics/report.html"], outputs["metrics/gallery"]} < added
    gallery = list((clone.folder / "metrics/gallery").iterdir())
    assert len(added) == 2 + len(gallery)


def test_a_run_downloads_only_what_its_stages_read(pushed: Pushed) -> None:
    clone = pushed.elsewhere("sparing")
    assert UP_TO_DATE in clone.dvc("repro --pull --allow-missing")
    assert clone.objects() == set()
    clone.change("split", validation_share=0.2)
    assert stages_run(clone.dvc("repro --pull --allow-missing split")) == ["split"]
    assert clone.objects() & set(pushed.remote.objects()) == {clone.outputs()["data/raw/cnmc.zip"]}


def test_no_credential_is_in_what_git_has(pushed: Pushed) -> None:
    assert PASSWORD not in pushed.publisher.git("log --patch --max-count=1")
    assert PASSWORD not in pushed.publisher.dvc("remote list")


def test_the_list_of_runs_travels_but_to_a_web_server(pushed: Pushed) -> None:
    pushed.publisher.dvc("push --run-cache")
    clone = pushed.elsewhere("runs")
    clone.dvc("pull --run-cache train")
    runs = list((clone.cache / "runs").glob("*/*/*"))
    assert len(runs) == (0 if pushed.remote.kind == "HTTP" else len(STAGES))


def is_in_git(path: str) -> bool:
    return path.startswith("metrics/") and path not in ("metrics/report.html", "metrics/gallery")


def test_runs_of_other_parameters_are_restored_elsewhere_if_the_whole_cache_goes_along(
    first_run: Clone, tmp_path: Path
) -> None:
    with REMOTES["A folder"](tmp_path) as remote:
        publisher = remote.connect(first_run.clone("tries", shares_cache=False))
        (publisher.folder / ".dvc/cache").mkdir()
