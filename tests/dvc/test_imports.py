"""What the stages import, as benchmarks/daily.py measures it."""

from __future__ import annotations

import pytest

from benchmarks.daily import stage_imports
from tests.dvc.project import Project


@pytest.mark.parametrize("stage", ["split", "preprocess"])
def test_stages_that_need_no_tensorflow_do_not_import_it(origin: Project, stage: str) -> None:
    cost = stage_imports(origin.beside(f"imports-{stage}"), stage)
    assert cost["tensorflow"] is False
    assert cost["importing"] > 0
