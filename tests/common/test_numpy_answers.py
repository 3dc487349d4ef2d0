from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import pytest

from stages.common import numpy_answers
from stages.common.numpy_answers import digest, numpy_computes_as_others
from tests.conftest import ROOT


@pytest.mark.skipif(platform.machine() != "x86_64", reason="known of x86-64 processors alone")
def test_numpy_gives_the_known_answers_in_a_process_that_sets_its_environment_first() -> None:
    program = (
        "from stages.common.portable_environment import set_numpy_environment\n"
        "set_numpy_environment()\n"
        "from stages.common.numpy_answers import numpy_computes_as_others\n"
        "print(numpy_computes_as_others())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_other_bits_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    log = np.log
    monkeypatch.setattr(np, "log", lambda numbers: np.nextafter(log(numbers), np.inf))
    assert digest() != before
    assert numpy_computes_as_others() is False


def test_of_a_version_of_numpy_without_known_answers_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(numpy_answers, "_ANSWERS", {})
    assert numpy_computes_as_others() is None
