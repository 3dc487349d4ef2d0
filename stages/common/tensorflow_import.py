"""Import TensorFlow quickly, and without the messages that its C++ code prints."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


def import_tensorflow() -> None:
    """Import TensorFlow, make it the backend of Keras, and show only Python's errors.

    Call it before the first import of TensorFlow or Keras. `TF_CPP_MIN_LOG_LEVEL=0` in the
    environment shows TensorFlow's log. If the import fails, its whole output is shown.

    Garbage collection is off during the import, which takes a second less then.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the user's own settings must not change a run
    if "tensorflow" in sys.modules:
        return
    with _hide_output(), _without_garbage_collection():
        import tensorflow  # noqa: F401


def import_record_writer() -> None:
    """Import only the TFRecord writer of TensorFlow. The rest of TensorFlow does not work then.

    Empty packages replace TensorFlow's own, whose `__init__` also imports Keras, scikit-learn and
    matplotlib. The stage preprocess takes 7 seconds instead of 11 on the synthetic cells. Call it
    in a process that will not import TensorFlow, before any other import from TensorFlow.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.origin is None:
        raise ImportError("TensorFlow is not installed")
    folder = Path(spec.origin).parent
    for name, path in (("tensorflow", folder), ("tensorflow.python", folder / "python")):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    with _hide_output():
        # Without errors_impl, C++ errors of the writer have no Python class and end the process.
        import tensorflow.python.framework.errors_impl
        import tensorflow.python.lib.io.tf_record  # noqa: F401


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
def _hide_output() -> Iterator[None]:
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
