"""What the stages import, as benchmarks/daily.py measures it."""

from __future__ import annotations

import pytest

from benchmarks.daily import stage_imports
from tests.dvc.project import Project


@pytest.mark.parametrize("stage", ["split", "preprocess"])
def test_tensorflow_is_imported_by_the_stages_that_need_it_alone(
    origin: Project, stage: str
) -> None:
    cost = stage_imports(origin.beside(f"imports-{stage}"), stage)
    assert cost["tensorflow"] is (stage != "split")
    assert cost["importing"] > 0
