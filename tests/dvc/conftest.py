"""What all tests of DVC's daily paths share: one project that ran once, and clones of it.

The project lies in a path with a space, and nothing can be written to the home of the user:
whatever works here works with both.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.project import (
    RATE,
    STAGES,
    TINY,
    Project,
    known_files,
    stages_restored,
    stages_run,
    user_environment,
)

Clone = Callable[..., Project]
BETTER = ("dvc", "exp", "run", "--temp", "--name", "better", "-S", f"{RATE}=0.003")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.dvc)


@pytest.fixture(scope="session")
def read_only_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that takes no file, not even of root."""
    if os.getuid() == 0:
        return Path("/proc")
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o555)
    return home


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, read_only_home: Path) -> Project:
    """The project, tiny, after its first `dvc repro`; all is committed on main."""
    place = tmp_path_factory.mktemp("of origin")
    project = Project(
        place / "main clone", user_environment(place / "settings", home=read_only_home)
    )
    known_files(project.folder)
    for key, value in TINY.items():
        project.set_param(key, value)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("git", "add", "--all")
    project.commit("Make it tiny")
    # Forced where the shipped dvc.lock happens to fit: no run-cache would know of it.
    output = project.run("dvc", "repro", "--force")
    assert stages_run(output) == STAGES
    project.commit("Results")
    return project


@pytest.fixture(scope="session")
def interrupted(origin: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What an experiment beside the workspace said until it was killed, while it trained."""
    log = tmp_path_factory.mktemp("interrupted") / "log"
    process = origin.start(*BETTER, log=log)
    states = Path(origin.environment["TRAIN_STATE_DIR"])
    while not list(states.glob("*/checkpoint-*")):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def experiment(origin: Project, interrupted: str) -> str:  # noqa: ARG001
    """What the same command said when it was run again."""
    return origin.run(*BETTER)


@pytest.fixture(scope="session")
def forked(origin: Project, experiment: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone on branch X, with the learning rate of the experiment; main is beside it."""
    project = origin.clone(tmp_path_factory.mktemp("of forked") / "clone")
    project.run("git", "switch", "--quiet", "--create", "X")
    project.set_param(RATE, 0.003)
    output = project.run("dvc", "repro")
    assert stages_run(output) == [], experiment
    assert stages_restored(output) == ["train", "evaluate"]
    project.commit("Halve the learning rate")
    return project


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Clone:
    """Clone the project anew, into a folder of its own that also holds its default remote."""

    def make(name: str = "clone", *options: str, pulled: bool = True) -> Project:
        return origin.clone(tmp_path / f"of {name}" / name, *options, pulled=pulled)

    return make
