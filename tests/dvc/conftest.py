"""What all tests of DVC's daily paths share: one project that ran once, and clones of it.

The project lies in a path with a space, and nothing can be written to the home of the user:
whatever works here works with both.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dvc.cross_validated import PIPELINE, with_cross_validation
from tests.dvc.made_once import MadeOnce, made_once
from tests.dvc.ordeal import Ordeal, go_through
from tests.dvc.project import (
    RATE,
    Project,
    stages_restored,
    stages_run,
    tiny_project,
    user_environment,
)
from tests.dvc.remotes import REMOTES
from tests.dvc.scene import FIRST_CACHE, Experiment, Pushed, Scene

BETTER = ("dvc", "exp", "run", "--temp", "--name", "better", "-S", f"{RATE}=0.003")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.dvc)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Make something of this name, unless another process of these tests has made it."""
    return made_once(tmp_path_factory)


@pytest.fixture(scope="session")
def read_only_home(once: MadeOnce) -> Path:
    """A home that takes no file, not even of root."""

    def close(home: Path) -> Path:
        home.chmod(0o555)
        return home

    return Path("/proc") if os.getuid() == 0 else once("home", close)


@pytest.fixture(scope="session")
def first_run(once: MadeOnce, read_only_home: Path) -> tuple[Project, str]:
    """The project, tiny, and what its first `dvc repro` said."""

    def run(place: Path) -> tuple[Project, str]:
        environment = user_environment(place / "settings", home=read_only_home)
        project = tiny_project(place / "main clone", environment)
        # Forced where the shipped dvc.lock happens to fit: no run-cache would know of it.
        printed = project.dvc("repro --force")
        project.commit("Results")
        shutil.copytree(project.cache, place / FIRST_CACHE)
        return project, printed

    return once("origin", run)


@pytest.fixture(scope="session")
def origin(first_run: tuple[Project, str]) -> Project:
    """The project after its first `dvc repro`, all of it committed on main; not to be changed."""
    return first_run[0]


@pytest.fixture(scope="session")
def cross_validated(once: MadeOnce, origin: Project) -> tuple[Project, str]:
    """A clone that was cross-validated, all of it committed, and what DVC said."""

    def run(place: Path) -> tuple[Project, str]:
        project = with_cross_validation(origin.clone(place / "clone"))
        printed = project.dvc(f"repro {PIPELINE}")
        project.git("add --all")
        project.commit("Results of three folds")
        return project, printed

    return once("cross-validated", run)


@pytest.fixture(scope="session")
def apart(origin: Project) -> Callable[[str], Project]:
    """Clone beside the first run, with a cache of its own: other processes fill the shared one."""

    def clone(name: str) -> Project:
        project = origin.beside(name, pulled=False)
        shutil.copytree(origin.folder.with_name(FIRST_CACHE), project.cache)
        project.dvc("checkout --quiet")
        return project

    return clone


@pytest.fixture(scope="session")
def experiment(once: MadeOnce, origin: Project) -> Experiment:
    """An experiment beside the workspace of a clone, killed while it trained, and run again."""

    def run(place: Path) -> Experiment:
        states = place / "train-state"
        project = origin.clone(place / "clone").with_variables({"TRAIN_STATE_DIR": str(states)})
        interrupted = killed_while_it_trains(project, states=states, log=place / "log")
        return Experiment(project, interrupted, project.run(*BETTER))

    return once("experiment", run)


def killed_while_it_trains(project: Project, *, states: Path, log: Path) -> str:
    """Kill the experiment when there is a checkpoint of it, and return what it has said."""
    process = project.start(*BETTER, log=log)
    while not list(states.glob("*/checkpoint-*")):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def forked(
    origin: Project, experiment: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A clone on branch X, with the learning rate of the experiment; main is beside it."""
    project = origin.clone(tmp_path_factory.mktemp("of forked") / "clone")
    project.git("switch --quiet --create X")
    project.set_param(RATE, 0.003)
    output = project.dvc("repro")
    assert stages_run(output) == [], experiment.finished
    assert stages_restored(output) == ["train", "evaluate"]
    project.commit("Halve the learning rate")
    return project


@pytest.fixture(scope="session")
def pushed_to(
    apart: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Pushed]]:
    """Serve a remote of a kind, push everything to it, and keep it for who asks for it again."""
    with contextlib.ExitStack() as serving:

        @functools.cache
        def push(kind: str) -> Pushed:
            base = tmp_path_factory.mktemp("remote")
            remote = serving.enter_context(REMOTES[kind](base))
            publisher = remote.connect(apart(f"to-{base.name}"))
            publisher.commit("Another remote")
            return Pushed(remote, publisher, publisher.dvc("push"))

        yield push


@pytest.fixture(scope="session")
def ordeal(origin: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordeal]:
    """A clone without cache that has met a fault after another in every stage."""
    disk, beside = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("beside-disk")
    try:
        yield go_through(origin, disk=disk, beside=beside)
    finally:
        subprocess.run(["umount", disk], check=False, capture_output=True)


@pytest.fixture
def scene(
    origin: Project,
    pushed_to: Callable[[str], Pushed],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Scene:
    return Scene(
        origin,
        tmp_path,
        ordeal=lambda: request.getfixturevalue("ordeal"),
        pushed=pushed_to,
        forked=lambda: request.getfixturevalue("forked"),
        cross_validated=lambda: request.getfixturevalue("cross_validated")[0].clone(
            tmp_path / "cross-validated"
        ),
    )
