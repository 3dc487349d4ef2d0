"""Environment variables with which libraries compute the same bits on every x86-64 processor.

Libraries choose their code by the processor, by the number of cores and by variables of the user.
They read these variables when they are loaded. So a stage sets its own before, and removes those of
the user that change bits.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence

NUMPY = {
    # No code for AVX-512: its exp, log, power and tanh round otherwise than that for AVX2.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    # The kernels for AVX2, as on the oldest of the processors; one thread, for sums are divided.
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
"""For NumPy, and the OpenBLAS and OpenMP in SciPy and scikit-learn.

See https://numpy.org/doc/stable/reference/simd/build-options.html and OpenBLAS' USAGE.md.
"""

TENSORFLOW = {
    # TensorFlow rewrites its graph for oneDNN on some processors and not on others.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # Eigen's products call oneDNN, which takes the widest instructions that there are.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""For TensorFlow. See https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
"""

# scikit-learn itself sets these two of KMP when it is imported.
_OF_NUMPY = re.compile(
    r"(NPY|OPENBLAS|GOTO|BLIS|MKL|OMP|GOMP)_\w+|KMP_(?!DUPLICATE_LIB_OK$|INIT_AT_FORK$)\w+"
)
_OF_TENSORFLOW = re.compile(
    r"(ONEDNN|DNNL|XLA|CUDNN|CUBLAS)_\w+"
    r"|TF_(AUTO|CONV|CUBLAS|CUDNN|DETERMINISTIC|DISABLE|ENABLE|FP16|JIT|MATMUL|MKL|NUM|ONEDNN"
    r"|OVERRIDE|SET|USE|XLA)\w*"
    r"|NVIDIA_TF32_OVERRIDE|KERAS_(?!HOME$|BACKEND$)\w+"
)


def set_numpy_environment() -> None:
    """Set the variables of NumPy. Call it before the first import of NumPy.

    A line says which of the user's own variables do not count. The C library reads its own
    (GLIBC_TUNABLES) when the program starts, so the program starts again without it.
    """
    if "hwcaps" in os.environ.get("GLIBC_TUNABLES", ""):
        del os.environ["GLIBC_TUNABLES"]
        _tell_of(["GLIBC_TUNABLES"])
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    _set(NUMPY if _is_x86_64() else {}, users=_OF_NUMPY)


def set_tensorflow_environment() -> None:
    """Set the variables of TensorFlow. Call it before the first import of TensorFlow."""
    _set(TENSORFLOW if _is_x86_64() else {}, users=_OF_TENSORFLOW)


def in_effect() -> dict[str, str]:
    """Return the variables of the environment that decide arithmetic, sorted by name."""
    names = [name for name in os.environ if decides_arithmetic(name)]
    return {name: os.environ[name] for name in sorted(names)}


def decides_arithmetic(name: str) -> bool:
    """Return whether a library computes other bits by the environment variable of this name."""
    return bool(_OF_NUMPY.fullmatch(name) or _OF_TENSORFLOW.fullmatch(name))


def _set(wanted: Mapping[str, str], *, users: re.Pattern[str]) -> None:
    ignored = sorted(
        name
        for name, value in os.environ.items()
        if users.fullmatch(name) and value != wanted.get(name)
    )
    for name in ignored:
        del os.environ[name]
    os.environ.update(wanted)
    if ignored:
        _tell_of(ignored)


def _tell_of(ignored: Sequence[str]) -> None:
    with contextlib.suppress(OSError):  # nobody may be there to read it
        print(
            f"Ignored from the environment, because they can change results: {', '.join(ignored)}",
            file=sys.stderr,
            flush=True,
        )


def _is_x86_64() -> bool:
    return platform.machine() in ("x86_64", "AMD64")
