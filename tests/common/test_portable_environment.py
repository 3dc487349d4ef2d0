from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stages.common.portable_environment import (
    NUMPY,
    TENSORFLOW,
    in_effect,
    set_numpy_environment,
    set_tensorflow_environment,
)
from tests.conftest import ROOT

IGNORED = "Ignored from the environment, because they can change results:"
OF_NUMPY = [
    "KMP_BLOCKTIME",
    "MKL_CBWR",
    "NPY_DISABLE_CPU_FEATURES",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
]
OF_TENSORFLOW = [
    "DNNL_MAX_CPU_ISA",
    "KERAS_MAX_EPOCHS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_SET_ONEDNN_FPMATH_MODE",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
]
OF_NO_CONCERN = [
    "CUDA_VISIBLE_DEVICES",
    "KMP_INIT_AT_FORK",
    "KERAS_BACKEND",
    "KERAS_HOME",
    "TF_CLI_CONFIG_FILE",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_ALLOCATOR",
]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def test_an_empty_environment_gets_the_settings_and_nothing_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_numpy_environment()
    set_tensorflow_environment()
    assert in_effect() == NUMPY | TENSORFLOW
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("set_environment", "names"),
    [(set_numpy_environment, OF_NUMPY), (set_tensorflow_environment, OF_TENSORFLOW)],
)
def test_what_the_user_has_set_does_not_count_and_a_line_names_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    set_environment: object,
    names: list[str],
) -> None:
    for name in [*names, *OF_NO_CONCERN]:
        monkeypatch.setenv(name, "of the user")
    assert callable(set_environment)
    set_environment()
    kept = {name for name, value in os.environ.items() if value == "of the user"}
    assert kept == set(OF_NO_CONCERN)
    assert capsys.readouterr().err == f"{IGNORED} {', '.join(names)}\n"


def test_a_variable_that_has_the_value_already_is_not_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    set_tensorflow_environment()
    assert capsys.readouterr().err == ""


def test_other_processors_get_no_setting_but_the_users_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    set_numpy_environment()
    set_tensorflow_environment()
    assert in_effect() == {}


def test_what_decides_arithmetic_is_recorded_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in reversed(["HOME", *OF_TENSORFLOW, *OF_NO_CONCERN]):
        monkeypatch.setenv(name, "1")
    assert in_effect() == dict.fromkeys(OF_TENSORFLOW, "1")
    assert list(in_effect()) == OF_TENSORFLOW


def test_what_the_c_library_has_read_already_needs_another_start() -> None:
    program = (
        "import os\n"
        "from stages.common.portable_environment import set_numpy_environment\n"
        "set_numpy_environment()\n"
        "print(os.environ.get('GLIBC_TUNABLES'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"
    assert done.stderr == f"{IGNORED} GLIBC_TUNABLES\n"
