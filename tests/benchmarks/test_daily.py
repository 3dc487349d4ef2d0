from __future__ import annotations

import pytest

from benchmarks.daily import stage_imports
from tests.dvc.clones import Clone

pytest_plugins = ["tests.dvc.fixtures"]


@pytest.mark.dvc
@pytest.mark.parametrize("stage", ["split", "preprocess"])
def test_stages_that_need_no_tensorflow_do_not_import_it(first_run: Clone, stage: str) -> None:
    cost = stage_imports(first_run.clone(f"imports-{stage}", shares_cache=True), stage)
    assert cost["tensorflow"] is False
    assert 0 < cost["importing"] < cost["cpu"]
