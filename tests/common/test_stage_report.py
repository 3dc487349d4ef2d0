from __future__ import annotations

from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.common.stage_report import read_report


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"split\.json cannot be read \(.*No such file"),
        ("{", r"split\.json cannot be read \(Expecting property name"),
        ("[]", r"split\.json holds a list, expected an object"),
        ('{"cells": 1}', r"split\.json lacks leakage; expected a JSON object"),
        ('{"leakage": 3}', r"split\.json has leakage: 3; expected a JSON object"),
    ],
)
def test_a_useless_report_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "split.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(StageError, match=rf"{complaint}.*; make it again .*--single-item split`"):
        read_report(path, made_by="split", needs={"leakage": dict})
