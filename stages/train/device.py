"""What TensorFlow runs on: chosen, prepared and described."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from stages.errors import StageError


@dataclass(frozen=True)
class Device:
    """What training runs on; a GPU with its compute capability."""

    kind: Literal["CPU", "GPU"]
    name: str
    capability: tuple[int, int] | None = None


def prepare_device(wanted: Literal["auto", "cpu", "gpu"], *, deterministic: bool) -> Device:
    """Have TensorFlow use the wanted device. Call it before TensorFlow does anything.

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
        tf.config.set_visible_devices([], "GPU")
        return Device("CPU", "CPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # leave room for others
    details = tf.config.experimental.get_device_details(gpus[0])
    name = f"GPU {details.get('device_name', 'of unknown name')}"
    return Device("GPU", name, details.get("compute_capability"))


def versions(device: Device) -> dict[str, str]:
    """Return the versions of what computes: tensorflow, keras; on a GPU cuda, cudnn, driver."""
    found = {"tensorflow": tf.__version__, "keras": keras.__version__}
    if device.kind == "GPU":
        built = tf.sysconfig.get_build_info()
        found |= {"cuda": built.get("cuda_version"), "cudnn": built.get("cudnn_version")}
        found |= {"driver": _driver_version()}
    return {name: str(version) for name, version in found.items() if version}


def peak_memory(device: Device) -> dict[str, int]:
    """Return the most memory that was in use at once: of this process, of the GPU; bytes."""
    # macOS counts bytes, Linux kibibytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.kind == "GPU":
        peak["device_bytes"] = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return peak


def _driver_version() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.split("\n")[0].strip() or None
