"""The devices that TensorFlow runs on: choose, prepare, describe and share them."""

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
from stages.network.portable import compute_deterministically

# From malloc.h, in bytes: M_MMAP_THRESHOLD at its maximum, M_TRIM_THRESHOLD off, M_TOP_PAD.
_MALLOC_OPTIONS = {-3: 32 * 2**20, -1: -1, -2: 64 * 2**20}


@dataclass(frozen=True)
class Device:
    """The device or devices that training runs on.

    Attributes:
        kind: the kind of hardware.
        name: a readable name.
        capability: the compute capability of a GPU, the lowest of several.
        count: the number of devices that share a batch.
    """

    kind: Literal["CPU", "GPU"]
    name: str
    capability: tuple[int, int] | None = None
    count: int = 1


def prepare_device(
    wanted: Literal["auto", "cpu", "gpu"],
    *,
    devices: Literal["one", "all"],
    deterministic: bool,
    threads: int,
) -> Device:
    """Make TensorFlow use the wanted device, or all of that kind. Call it before anything else.

    Args:
        wanted: the kind of device.
        devices: one, or all of this kind.
        deterministic: whether the same bits are wanted each time.
        threads: threads inside of an operation, if they are.

    Raises:
        StageError: if a GPU is wanted and there is none.
    """
    if deterministic:
        compute_deterministically(threads=threads)
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not gpus:
        raise StageError(
            "`train.device` is gpu, but TensorFlow finds none; see whether `nvidia-smi` shows one "
            "and requirements-gpu.txt is installed, or set it to auto or cpu"
        )
    if wanted == "cpu" or not gpus:
        keep_freed_memory()
        # On a CPU the layout optimizer takes 2 seconds and does not change a single bit.
        tf.config.optimizer.set_experimental_options({"layout_optimizer": False})
        tf.config.set_visible_devices([], "GPU")
        count = len(tf.config.list_logical_devices("CPU")) if devices == "all" else 1
        return Device("CPU", _counted("CPU", count), count=count)
    if devices == "one":
        gpus = gpus[:1]
        tf.config.set_visible_devices(gpus, "GPU")  # else TensorFlow takes all GPUs
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # leave memory for other processes
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    name = f"GPU {details[0].get('device_name', 'of unknown name')}"
    known = [found["compute_capability"] for found in details if "compute_capability" in found]
    capability = min(known) if len(known) == len(gpus) else None
    return Device("GPU", _counted(name, len(gpus)), capability, len(gpus))


def keep_freed_memory() -> None:
    """Make the C library keep freed memory for the next tensor, if it is glibc.

    glibc returns large blocks to the system at once, and the system clears each page again: a third
    of the time on 2 cores (EfficientNetB3 at 64 px). The process grows no larger than its peak.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for parameter, value in _MALLOC_OPTIONS.items():
            mallopt(parameter, value)


def shared_by_all(device: Device) -> contextlib.AbstractContextManager[Any]:
    """Return the context for building and compiling a network that all devices train.

    Each device has a copy of the network and takes its share of each batch. The gradients are
    summed before the optimizer step. See https://www.tensorflow.org/guide/distributed_training.
    """
    if device.count == 1:
        return contextlib.nullcontext()
    names = [f"{device.kind}:{number}" for number in range(device.count)]
    scope: contextlib.AbstractContextManager[Any] = tf.distribute.MirroredStrategy(names).scope()
    return scope


def versions(device: Device) -> dict[str, str]:
    """Return the versions of the software: tensorflow, keras; on a GPU also cuda, cudnn, driver."""
    found = {"tensorflow": tf.__version__, "keras": keras.__version__}
    if device.kind == "GPU":
        built = tf.sysconfig.get_build_info()
        found |= {"cuda": built.get("cuda_version"), "cudnn": built.get("cudnn_version")}
        found |= {"driver": _driver_version()}
    return {name: str(version) for name, version in found.items() if version}


def peak_memory(device: Device) -> dict[str, int]:
    """Return the peak memory in bytes: of this process, and of the GPU with the highest peak."""
    # macOS counts bytes, Linux kibibytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.kind == "GPU":
        peak["device_bytes"] = max(
            tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
            for number in range(device.count)
        )
    return peak


def _counted(name: str, count: int) -> str:
    return name if count == 1 else f"{count} × {name}"


def _driver_version() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.split("\n")[0].strip() or None
