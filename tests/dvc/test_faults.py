from __future__ import annotations

import pytest

from tests.dvc.faults import DOCUMENT, SECTIONS, Row, render
from tests.dvc.faults_of_runs import OF_ORDEAL
from tests.dvc.scene import Scene

ROWS = [row for rows in SECTIONS.values() for row in rows if row.play not in OF_ORDEAL]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_fault_ends_as_the_table_says(scene: Scene, row: Row) -> None:
    assert row.play(scene) == row.outcome


def test_the_table_in_the_documents_is_this_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "write it anew with `python -m tests.dvc.faults`"
    )
