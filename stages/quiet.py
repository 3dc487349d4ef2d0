"""Import TensorFlow without the notes that its C++ parts print on the way."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def import_tensorflow() -> None:
    """Import TensorFlow, as the backend of Keras too, with only Python's errors shown.

    Call it before the first import of TensorFlow or Keras. `TF_CPP_MIN_LOG_LEVEL=0` in the
    environment shows what TensorFlow logs. If the import fails, all that it printed is shown.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the user's own settings must not change a run
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return
    with _held_back_unless_it_fails():
        import tensorflow  # noqa: F401


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
