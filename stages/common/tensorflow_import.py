"""Import TensorFlow without the notes that its C++ parts print on the way, and quickly."""

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
    """Import TensorFlow, as the backend of Keras too, with only Python's errors shown.

    Call it before the first import of TensorFlow or Keras. `TF_CPP_MIN_LOG_LEVEL=0` in the
    environment shows what TensorFlow logs. If the import fails, all that it printed is shown.

    Keras' wrappers for scikit-learn and its plots by matplotlib do not work then: without these
    packages, and without looking for garbage, it takes half the CPU time. Stages import what they
    need of them themselves.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the user's own settings must not change a run
    if "tensorflow" in sys.modules:
        return
    with _quiet(), _never_garbage(), _not_installed("jax", "matplotlib", "sklearn"):
        import tensorflow  # noqa: F401


def import_record_writer() -> None:
    """Import what writes TFRecords, without the rest of TensorFlow; nothing else of it works then.

    It takes 0.5 CPU seconds in place of 4. What costs them are the packages' own `__init__`, which
    import Keras, scikit-learn and matplotlib, too: empty ones stand in for them. Call it in a
    process that will not import TensorFlow, before anything else of it is imported.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.origin is None:
        raise ImportError("TensorFlow is not installed")
    folder = Path(spec.origin).parent
    for name, path in (("tensorflow", folder), ("tensorflow.python", folder / "python")):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    with _quiet():
        # The writer's C++ ends the process over an error for which Python has no class yet.
        import tensorflow.python.framework.errors_impl
        import tensorflow.python.lib.io.tf_record  # noqa: F401


@contextlib.contextmanager
def _never_garbage() -> Iterator[None]:
    """Look for no garbage in the block, and never in what is there at its end: modules stay."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def _not_installed(*packages: str) -> Iterator[None]:
    """Have imports of these fail in the block, as where they are not installed."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]  # None: not to be found
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what an import of the block prints, unless it fails or the user wants to see it."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        yield
    else:
        with _held_back_unless_it_fails():
            yield


@contextlib.contextmanager
def _held_back_unless_it_fails() -> Iterator[None]:
    """Keep what is written to file descriptor 2, below Python's sys.stderr, to itself."""
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
