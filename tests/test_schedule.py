from __future__ import annotations

from tests.conftest import ROOT
from tests.schedule import LONGEST_FIRST, TOGETHER


def test_every_file_of_the_schedule_is_there() -> None:
    named = {*LONGEST_FIRST, *TOGETHER, *TOGETHER.values()}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
