import platform
import subprocess
import sys

import pytest
import tensorflow as tf

from stages.network import known_answers
from stages.network.cache_sizes import set_cache_sizes
from stages.network.known_answers import computes_as_others, digest, tell_of_other_bits
from tests.conftest import ROOT

PROGRAM = """
import sys
from stages.common.portable_environment import set_numpy_environment
set_numpy_environment()
from stages.common.tensorflow_import import import_tensorflow
import_tensorflow(deterministic=True)
from stages.network.known_answers import computes_as_others
from stages.network.portable import compute_deterministically
compute_deterministically(threads=int(sys.argv[1]))
print(computes_as_others())
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="known of x86-64 processors alone")
@pytest.mark.parametrize("threads", ["1", "16"])
def test_the_answers_are_given_as_the_stages_run_it_with_any_number_of_threads(
    threads: str,
) -> None:
    python = [sys.executable, "-c", PROGRAM, threads]
    done = subprocess.run(python, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_other_bits_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cache_sizes()
    monkeypatch.setattr(known_answers, "_ANSWERS", {tf.__version__: digest()})
    assert computes_as_others() is True
    sigmoid = tf.sigmoid
    monkeypatch.setattr(tf, "sigmoid", lambda numbers: tf.math.nextafter(sigmoid(numbers), 2.0))
    assert computes_as_others() is False


def test_cache_sizes_that_cannot_be_set_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_answers, "_ANSWERS", {tf.__version__: digest()})
    monkeypatch.setattr(known_answers, "set_cache_sizes", lambda: False)
    assert computes_as_others() is False


def test_of_a_version_of_tensorflow_without_known_answers_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(known_answers, "_ANSWERS", {})
    assert computes_as_others() is None
    tell_of_other_bits()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("instruction_sets", "reason"),
    [
        (["avx512f", "avx2", "fma"], "a library ignores its settings"),
        (["fma"], "it lacks avx2"),
        (["sse"], "it lacks avx2 and fma"),
        ([], "a library ignores its settings"),
    ],
)
def test_other_bits_are_told_with_the_likely_reason(
    instruction_sets: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(known_answers, "_ANSWERS", {tf.__version__: "of others"})
    monkeypatch.setattr(known_answers, "instruction_sets", lambda: instruction_sets)
    tell_of_other_bits()
    assert f"of an x86-64 processor with AVX2 and FMA: {reason}. " in capsys.readouterr().out
