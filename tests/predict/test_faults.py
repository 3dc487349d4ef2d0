from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.predict.faults import DOCUMENT, SECTIONS, Row, outcome, render

from .conftest import Run

ROWS = [row for rows in SECTIONS.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_fault_ends_as_the_table_says(folder: Path, run: Run, row: Row) -> None:
    code, rows, told = outcome(row.play(folder, run))
    told = re.sub(r"(?<=ONNX Runtime )[\d.]+", "…", told)
    assert (code, rows, told) == (row.code, row.rows, row.told)


def test_the_table_in_the_documents_is_this_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "write it anew with `python -m tests.predict.faults`"
    )
