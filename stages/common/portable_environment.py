"""Environment variables with which libraries compute the same bits on every x86-64 processor.

Libraries choose their code by the processor, by the number of cores and by variables of the user.
They read these variables when they are loaded. So a stage sets its own before, and removes those of
the user that change bits.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping

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

_NUMPY_ANSWERS = {"2.4.6": "21d8f3c11839f5dd9054a3d715264bc2"}
"""The digest by version of NumPy, seen on unlike x86-64 processors."""

_OF_NUMPY = re.compile(r"(NPY|OPENBLAS|GOTO|BLIS|MKL|OMP|GOMP|KMP)_\w+")
_OF_TENSORFLOW = re.compile(
    r"(ONEDNN|DNNL|XLA|CUDNN|CUBLAS)_\w+"
    r"|TF_(AUTO|CONV|CUBLAS|CUDNN|DETERMINISTIC|DISABLE|ENABLE|FP16|JIT|MATMUL|MKL|NUM|ONEDNN"
    r"|OVERRIDE|SET|USE|XLA)\w*"
    r"|NVIDIA_TF32_OVERRIDE|KERAS_(?!HOME$|BACKEND$)\w+"
)


def set_numpy_environment() -> None:
    """Set the variables of NumPy. Call it before the first import of NumPy.

    A line says which of the user's own variables do not count.
    """
    _set(NUMPY if _is_x86_64() else {}, users=_OF_NUMPY)


def set_tensorflow_environment() -> None:
    """Set the variables of TensorFlow. Call it before the first import of TensorFlow."""
    _set(TENSORFLOW if _is_x86_64() else {}, users=_OF_TENSORFLOW)


def numpy_computes_as_others() -> bool | None:
    """Return whether NumPy and OpenBLAS give the known bits; None if no answer is known."""
    import numpy as np

    known = _NUMPY_ANSWERS.get(np.__version__)
    return None if known is None else numpy_digest() == known


def numpy_digest() -> str:
    """Return the MD5 of functions of numbers from 0.01 to 5, and of a product of matrices."""
    import numpy as np

    numbers = np.linspace(0.01, 5, 1003)
    functions = (np.exp, np.log, np.log1p, np.sin, np.tanh, np.arctan, np.cbrt, np.sqrt, np.sum)
    found = [function(numbers) for function in functions]
    square = np.random.default_rng(0).random((200, 200))
    found += [np.power(numbers, 0.3), np.exp(numbers.astype(np.float32)), square @ square]
    digest = hashlib.md5(usedforsecurity=False)
    for result in found:
        digest.update(np.asarray(result).tobytes())
    return digest.hexdigest()


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
        print(
            f"Not used, for it would change bits: {', '.join(ignored)} in the environment",
            file=sys.stderr,
            flush=True,
        )


def _is_x86_64() -> bool:
    return platform.machine() in ("x86_64", "AMD64")
