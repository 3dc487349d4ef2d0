"""The faults of the table in docs/faults-dvc.md that are brought about in every stage."""

from __future__ import annotations

import pytest

from tests.dvc.faults import SECTIONS, Row
from tests.dvc.faults_of_runs import OF_ORDEAL
from tests.dvc.scene import Scene

ROWS = [row for rows in SECTIONS.values() for row in rows if row.play in OF_ORDEAL]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_fault_in_any_stage_ends_as_the_table_says(scene: Scene, row: Row) -> None:
    assert row.play(scene) == row.outcome
