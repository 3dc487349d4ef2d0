"""The house: who may import whom, and what a file is called."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.imports import imported_files

STAGES = ROOT / "stages"
MODULES = sorted(STAGES.rglob("*.py"))
SHARED = ("common", "dataset", "network", "statistics", "report")
"""In the order in which they may import: each from those before it."""


def room(file: Path) -> str:
    """The room of a module: the folder right below stages/."""
    return file.relative_to(STAGES).parts[0]


def named(file: Path) -> str:
    return file.relative_to(STAGES).as_posix()


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_a_room_imports_from_shared_rooms_and_itself_alone(file: Path) -> None:
    own = room(file)
    below = SHARED[: SHARED.index(own)] if own in SHARED else SHARED
    for imported in imported_files(file):
        assert room(imported) in {*below, own}, f"{named(file)} imports {named(imported)}"


@pytest.mark.parametrize(
    "wing", ["input", "steps", "state"], ids=lambda wing: f"stages/train/{wing}"
)
def test_a_wing_of_train_imports_nothing_of_the_loop(wing: str) -> None:
    for file in sorted((STAGES / "train" / wing).glob("*.py")):
        for imported in imported_files(file):
            assert imported.parent != STAGES / "train" or imported.name == "params.py", named(file)


def test_no_module_imports_itself_by_a_detour() -> None:
    imports = {file: imported_files(file) - {file} for file in MODULES}
    while leaves := [file for file, imported in imports.items() if not imported & imports.keys()]:
        for file in leaves:
            del imports[file]
    assert not imports, sorted(map(named, imports))


def test_no_two_modules_have_one_name() -> None:
    counts = Counter(file.name for file in MODULES)
    twice = {name for name, count in counts.items() if count > 1}
    assert twice == {"__init__.py", "__main__.py", "params.py"}


@pytest.mark.parametrize("file", sorted(STAGES.rglob("__init__.py")), ids=named)
def test_a_package_says_what_it_is_and_does_nothing(file: Path) -> None:
    # Else it would have to be among the dependencies of the stages in dvc.yaml.
    (only,) = ast.parse(file.read_text(encoding="utf-8")).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)


def test_parameters_alone_are_looked_up_by_name() -> None:
    dynamic = {named(file) for file in MODULES if "import_module" in file.read_text("utf-8")}
    assert dynamic == {"common/params_file.py"}


def test_every_folder_of_modules_is_a_package() -> None:
    assert {file.parent for file in MODULES} == {
        file.parent for file in MODULES if file.name == "__init__.py"
    }


@pytest.mark.parametrize("folder", sorted({file.parent for file in MODULES} - {STAGES}), ids=named)
def test_the_tests_of_a_folder_lie_in_the_folder_of_its_name(folder: Path) -> None:
    assert list((ROOT / "tests" / folder.relative_to(STAGES)).glob("test_*.py"))
