from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dvc.clones import Clone
from tests.dvc.faults import DOCUMENT, SECTIONS, Row, render
from tests.dvc.ordeal import Ordeal
from tests.dvc.scene import Pushed, Scene

pytest_plugins = ["tests.dvc.fixtures"]
pytestmark = pytest.mark.dvc

ROWS = [row for rows in SECTIONS.values() for row in rows]


@pytest.fixture(scope="module")
def ordeal(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordeal]:
    """A clone without cache that has gone through it all."""
    disk, beside = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("beside-disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1000000k", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk without the right to mount one: {mounted.stderr.strip()}")
    try:
        first_run.git(f"clone --quiet . {disk / 'clone'}")
        variables = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "DVC_SITE_CACHE_DIR": str(beside / "dvc"),
            "TRAIN_STATE_DIR": str(beside / "train"),
        }
        ordeal = Ordeal(Clone(disk / "clone", variables), disk)
        ordeal.go_through()
        yield ordeal
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.fixture
def scene(
    first_run: Clone,
    pushed_to: Callable[[str], Pushed],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Scene:
    return Scene(first_run, tmp_path, lambda: request.getfixturevalue("ordeal"), pushed_to)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_fault_ends_as_the_table_says(scene: Scene, row: Row) -> None:
    assert row.play(scene) == row.outcome


def test_the_table_in_the_documents_is_this_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "write it anew with `python -m tests.dvc.faults`"
    )
