"""What the stages tell people to run."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_to_make_one_thing_again_no_stage_before_it_is_run_again() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "stages").rglob("*.py"))
    joined = re.sub(r'"\s+f?"', "", code)
    forced = set(re.findall(r"dvc repro --force ([^`]+)`", joined))
    assert "--single-item train" in forced
    assert {one for one in forced if "--single-item" not in one} == {"download"}  # the first
