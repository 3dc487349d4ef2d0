import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from stages.common.errors import StageError
from stages.train.device import Device, peak_memory, prepare_device, versions
from tests.train.scene import Trainings

GPU = Device("GPU", "GPU NVIDIA Fictional", (9, 0))


@pytest.mark.parametrize(("deterministic", "expected"), [(True, "1 True"), (False, "0 False")])
def test_a_deterministic_fit_runs_no_operations_beside_each_other(
    deterministic: bool, expected: str, trainings: Trainings
) -> None:
    code = (
        "import tensorflow as tf; from stages.train.device import prepare_device;"
        "from tensorflow.python.framework.config import is_op_determinism_enabled as enabled;"
        f"prepare_device('auto', devices='one', deterministic={deterministic}, threads=2);"
        "print(tf.config.threading.get_inter_op_parallelism_threads(), enabled())"
    )
    finished = trainings.python(code)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == expected


def test_what_is_switched_off_on_a_cpu_changes_no_bit(trainings: Trainings) -> None:
    code = """
import hashlib, sys
import tensorflow as tf
from stages.train import device
from tests.train.networks import random_cells, small_network
device.prepare_device("cpu", devices="one", deterministic=True, threads=2)
assert tf.config.optimizer.get_experimental_options()["layout_optimizer"] is False
tf.config.optimizer.set_experimental_options({"layout_optimizer": sys.argv[1] == "on"})
network = small_network()
network.compile("adamax", "sparse_categorical_crossentropy")
network.fit(*random_cells(32), batch_size=4, shuffle=False, verbose=0)
print(hashlib.md5(b"".join(weight.numpy().tobytes() for weight in network.weights)).hexdigest())
"""
    left = [trainings.python(code, layout) for layout in ("on", "off")]
    assert [finished.returncode for finished in left] == [0, 0], left
    assert left[0].stdout == left[1].stdout


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Have TensorFlow say that it has a GPU; return what is then asked of it."""
    asked: list[object] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *devices: asked.append(devices))
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", asked.append)
    experimental = tf.config.experimental
    monkeypatch.setattr(experimental, "set_memory_growth", lambda *growth: asked.append(growth))
    details = {"device_name": "NVIDIA Fictional", "compute_capability": (9, 0)}
    monkeypatch.setattr(experimental, "get_device_details", lambda _: details)
    monkeypatch.setattr(experimental, "get_memory_info", lambda _: {"current": 1, "peak": 2})
    return asked


def test_a_gpu_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    with pytest.raises(StageError, match=r"`train\.device` is gpu, but TensorFlow finds none; see"):
        prepare_device("gpu", devices="one", deterministic=False, threads=2)


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_without_a_gpu_it_is_the_cpu(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    assert prepare_device(wanted, devices="one", deterministic=False, threads=2) == Device(
        "CPU", "CPU"
    )


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_gpu_is_taken_and_named_and_shared(wanted: str, one_gpu: list[object]) -> None:
    assert prepare_device(wanted, devices="one", deterministic=False, threads=2) == GPU
    assert one_gpu == [(["GPU:0"], "GPU"), ("GPU:0", True)]


def test_a_gpu_that_is_not_wanted_is_not_touched(one_gpu: list[object]) -> None:
    assert prepare_device("cpu", devices="one", deterministic=False, threads=2) == Device(
        "CPU", "CPU"
    )
    assert one_gpu == [{"layout_optimizer": False}, ([], "GPU")]


def test_versions_on_a_cpu_are_those_of_the_libraries() -> None:
    expected = {"tensorflow": tf.__version__, "keras": keras.__version__}
    assert versions(Device("CPU", "CPU")) == expected


def test_versions_on_a_gpu_are_those_of_cuda_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = {"cuda_version": "12.9", "cudnn_version": "9", "is_cuda_build": True}
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: built)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 570.1\necho 570.1\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = versions(GPU)
    assert [found[name] for name in ("cuda", "cudnn", "driver")] == ["12.9", "9", "570.1"]


@pytest.mark.parametrize("program", [None, "#!/bin/sh\necho no driver >&2\nexit 9\n"])
def test_what_is_not_known_is_left_out(
    program: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program:
        (tmp_path / "nvidia-smi").write_text(program)
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tf.sysconfig, "get_build_info", dict)
    assert set(versions(GPU)) == {"tensorflow", "keras"}


def test_peak_memory_is_in_bytes(one_gpu: list[object]) -> None:  # noqa: ARG001
    assert list(peak_memory(Device("CPU", "CPU"))) == ["host_bytes"]
    peak = peak_memory(GPU)
    assert 100e6 < peak["host_bytes"] < 100e9
    assert peak["device_bytes"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_is_kept_for_the_next_tensor(trainings: Trainings) -> None:
    code = """
import resource, sys
import numpy as np
from stages.train.device import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def use():
    blocks = [np.ones(2**21) for _ in range(8)]  # of 16 MiB
use()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

    def pages_cleared(how: str) -> int:
        finished = trainings.python(code, how)
        assert finished.returncode == 0, finished.stderr
        return int(finished.stdout)

    assert pages_cleared("given back") > 100 * (1 + pages_cleared("kept"))
