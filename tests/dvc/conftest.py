"""What all tests of DVC's daily paths share: one project that ran once, and clones of it.

The project lies in a path with spaces and letters beyond ASCII, and nothing can be written to the
home of the user: whatever works here works with both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.project import STAGES, TINY, Project, known_files, stages_run, user_environment

Clone = Callable[..., Project]


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
    place = tmp_path_factory.mktemp("Zellen für Łódź 白血病")
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


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Clone:
    """Clone the project anew, into a folder of its own that also holds its default remote."""

    def make(name: str = "clone", *options: str, pulled: bool = True) -> Project:
        return origin.clone(tmp_path / f"of {name}" / name, *options, pulled=pulled)

    return make
