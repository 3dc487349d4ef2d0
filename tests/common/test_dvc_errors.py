from __future__ import annotations

import pytest

from stages.common.dvc_errors import dvc_errors
from stages.common.errors import StageError


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (RuntimeError("two\n  lines"), "two lines"),
        (KeyError("name"), "'name'"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_whatever_is_raised_becomes_one_line_with_the_remedy(raised: Exception, told: str) -> None:
    with (
        pytest.raises(StageError, match=f"^it failed \\({told}\\); do that$"),
        dvc_errors("it failed", remedy="do that"),
    ):
        raise raised


def test_an_interruption_is_none_of_them() -> None:
    with pytest.raises(KeyboardInterrupt), dvc_errors("it failed", remedy="do that"):
        raise KeyboardInterrupt
