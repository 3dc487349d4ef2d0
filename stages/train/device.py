"""What TensorFlow runs on: chosen, prepared, described, and several of it used as one."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf

from stages.common.errors import StageError

# Of malloc.h: M_MMAP_THRESHOLD, at its greatest; M_TRIM_THRESHOLD, none; M_TOP_PAD. In bytes.
_KEEP = {-3: 32 * 2**20, -1: -1, -2: 64 * 2**20}


@dataclass(frozen=True)
class Device:
    """What training runs on.

    Attributes:
        kind: of hardware.
        name: of it, for people.
        capability: the compute capability of a GPU, the lowest of several.
        count: how many of it there are to share a batch.
    """

    kind: Literal["CPU", "GPU"]
    name: str
    capability: tuple[int, int] | None = None
    count: int = 1


def prepare_device(
    wanted: Literal["auto", "cpu", "gpu"], *, devices: Literal["one", "all"], deterministic: bool
) -> Device:
    """Have TensorFlow use the wanted device, or all of that kind. Call it before anything else.

    Raises:
        StageError: if a GPU is wanted and there is none.
    """
    if deterministic:
        tf.config.experimental.enable_op_determinism()
        # Not enough on a CPU: with operations beside each other, about one run in two on a busy
        # machine gave other bits (TensorFlow 2.21). Each still runs on all cores.
        tf.config.threading.set_inter_op_parallelism_threads(1)
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not gpus:
        raise StageError(
            "`train.device` is gpu, but TensorFlow finds none; see whether `nvidia-smi` shows one "
            "and requirements-gpu.txt is installed, or set it to auto or cpu"
        )
    if wanted == "cpu" or not gpus:
        keep_freed_memory()
        # It changes nothing on a CPU, to the bit, and takes 2 seconds to find that out.
        tf.config.optimizer.set_experimental_options({"layout_optimizer": False})
        tf.config.set_visible_devices([], "GPU")
        count = len(tf.config.list_logical_devices("CPU")) if devices == "all" else 1
        return Device("CPU", _several("CPU", count), count=count)
    if devices == "one":
        gpus = gpus[:1]
        tf.config.set_visible_devices(gpus, "GPU")  # else TensorFlow takes hold of each
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # leave room for others
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    name = f"GPU {details[0].get('device_name', 'of unknown name')}"
    known = [found["compute_capability"] for found in details if "compute_capability" in found]
    capability = min(known) if len(known) == len(gpus) else None
    return Device("GPU", _several(name, len(gpus)), capability, len(gpus))


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next tensor, where it is glibc.

    It gives large blocks back to the system at once, which clears each page anew: on 2 cores,
    EfficientNetB3 at 64 px, a third of the time. The process grows no larger than its peak.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for parameter, value in _KEEP.items():
            mallopt(parameter, value)


def shared_by_all(device: Device) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which to build and compile a network that all devices train.

    Each has a copy of the network and takes its share of each batch; the gradients are added up
    before the one step of the optimizer. See https://www.tensorflow.org/guide/distributed_training.
    """
    if device.count == 1:
        return contextlib.nullcontext()
    names = [f"{device.kind}:{number}" for number in range(device.count)]
    scope: contextlib.AbstractContextManager[Any] = tf.distribute.MirroredStrategy(names).scope()
    return scope


def versions(device: Device) -> dict[str, str]:
    """Return the versions of what computes: tensorflow, keras; on a GPU cuda, cudnn, driver."""
    found = {"tensorflow": tf.__version__, "keras": keras.__version__}
    if device.kind == "GPU":
        built = tf.sysconfig.get_build_info()
        found |= {"cuda": built.get("cuda_version"), "cudnn": built.get("cudnn_version")}
        found |= {"driver": _driver_version()}
    return {name: str(version) for name, version in found.items() if version}


def peak_memory(device: Device) -> dict[str, int]:
    """Return the most memory that was in use at once: of this process, of one GPU; bytes."""
    # macOS counts bytes, Linux kibibytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.kind == "GPU":
        peak["device_bytes"] = max(
            tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
            for number in range(device.count)
        )
    return peak


def _several(name: str, count: int) -> str:
    return name if count == 1 else f"{count} × {name}"


def _driver_version() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.split("\n")[0].strip() or None
