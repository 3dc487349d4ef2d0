from __future__ import annotations

from pathlib import Path

import pytest

from stages.common import processor
from stages.common.processor import instruction_sets, processor_name

CPUINFO = """processor\t: 0
model name\t: Some Processor 5 @ 2.00GHz
flags\t\t: fpu sse2 avx avx2 avx512f avx512_vnni fma
"""


def test_name_and_instruction_sets_are_those_that_linux_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    monkeypatch.setattr(processor, "Path", lambda _: tmp_path / "cpuinfo")
    assert processor_name() == "Some Processor 5 @ 2.00GHz"
    assert instruction_sets() == ["avx2", "fma", "avx512f", "avx512_vnni"]


def test_elsewhere_it_is_the_architecture_and_no_instruction_set_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "Path", lambda _: tmp_path / "absent")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert processor_name() == "arm64"
    assert instruction_sets() == []
