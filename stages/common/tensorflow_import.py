"""Import TensorFlow quickly, and without the messages that its C++ code prints."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
from collections.abc import Iterator

from stages.common.portable_environment import set_tensorflow_environment


def import_tensorflow(*, deterministic: bool = False) -> None:
    """Import TensorFlow, make it the backend of Keras, and show only Python's errors.

    Call it before the first import of TensorFlow or Keras. `TF_CPP_MIN_LOG_LEVEL=0` in the
    environment shows TensorFlow's log. If the import fails, its whole output is shown.

    Garbage collection is off during the import, which takes a second less then.

    Args:
        deterministic: whether the environment must not change a bit; see portable_environment.py.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the user's own settings must not change a run
    if deterministic:
        set_tensorflow_environment()
        # Without oneDNN's graphs TensorFlow gives the memory of each large map back to the system,
        # which clears it before it comes again: a fifth of a training step at 160 px.
        os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    if "tensorflow" in sys.modules:
        return
    with hide_output(), _without_garbage_collection():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Turn garbage collection off in the block, then exempt all existing objects: modules stay."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def hide_output() -> Iterator[None]:
    """Hide the output of imports in the block, unless one fails or the user wants to see it."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        yield
    else:
        with _hide_stderr_unless_it_fails():
            yield


@contextlib.contextmanager
def _hide_stderr_unless_it_fails() -> Iterator[None]:
    """Hide output to file descriptor 2, also that of C++ code; show it if the block fails."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
