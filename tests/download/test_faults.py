from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import tiny_members
from tests.download.faults import DOCUMENT, ROWS, Row, render
from tests.download.kaggle_emulator import emulated_kaggle
from tests.download.scene import Scene


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A tiny archive with something bulky beside its images: 3 MB."""
    path = tmp_path_factory.mktemp("archive") / "archive.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for member, content in tiny_members().items():
            opened.writestr(member, content)
        opened.writestr("C-NMC_Leukemia/README", random.Random(3).randbytes(3_000_000))
    return path.read_bytes()


@pytest.fixture
def scene(
    archive: bytes, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    with emulated_kaggle(monkeypatch, str(tmp_path / "home")) as kaggle:
        kaggle.content = archive
        (tmp_path / "run").mkdir()
        yield Scene(kaggle, tmp_path / "run", state, monkeypatch)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_fault_ends_as_the_table_says(scene: Scene, row: Row) -> None:
    assert row.play(scene) == row.outcome


def test_the_table_in_the_documents_is_this_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "write it anew with `python -m tests.download.faults`"
    )
