"""`make unit`: the quick tests, which need no TensorFlow, DVC, server or browser.

`python -m pytest -p tests.unit` leaves out the others, and fails a test that uses one of these.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FIXTURES = {
    "browser",
    "commit",
    "coverage",
    "download",
    "kaggle",
    "project",
    "publish",
    "put",
    "real_sample",
    "repository",
    "s3",
    "scene",
    "shards",
    "trainings",
    "two_branches",
    "world",
}
"""Fixtures that start a server, a browser, TensorFlow or DVC, or compute for long."""

_MODULES = ("tensorflow", "keras", "dvc", "playwright", "moto")
_PROGRAMS = ("dvc", "make")
_running = False


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not read a file whose own imports, or those of its conftest.py, reach one of these."""
    if not collection_path.name.startswith("test_"):
        return None
    folders = [folder for folder in collection_path.parents if folder.is_relative_to(ROOT)]
    read = [collection_path, *(folder / "conftest.py" for folder in folders)]
    reached = set().union(*(_packages(file) for file in read if file.is_file()))
    return True if reached & set(_MODULES) else None


@functools.cache
def _packages(file: Path) -> frozenset[str]:
    """Packages of others that a file imports when it is read, also by way of our own modules."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            here = file.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*here, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    own = [ROOT / f"{name.replace('.', '/')}.py" for name in names]
    others = frozenset(name.partition(".")[0] for name in names)
    return others.union(*(_packages(module) for module in own if module.is_file()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are marked, or that use a fixture of the others."""
    others = [item for item in items if not _is_unit(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if _is_unit(item)]


def _is_unit(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return not fixtures & FIXTURES and item.get_closest_marker("integration") is None


def pytest_configure() -> None:
    """Watch what the tests use, from now on."""
    sys.addaudithook(_refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Any:
    """Refuse in a test, not before: pytest's own plugins may use a socket."""
    global _running
    _running = True
    try:
        return (yield)
    finally:
        _running = False


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _running:
        return
    if event == "import" and arguments[0].split(".")[0] in _MODULES:
        raise AssertionError(f"a unit test imports {arguments[0]}: see tests/unit.py")
    if event == "socket.bind":
        raise AssertionError("a unit test starts a server: see tests/unit.py")
    if event == "subprocess.Popen":
        program = Path(os.fsdecode(arguments[0])).name
        if program in _PROGRAMS:
            raise AssertionError(f"a unit test runs {program}: see tests/unit.py")
