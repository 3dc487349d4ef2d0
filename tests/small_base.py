"""EfficientNet with two of its seven kinds of blocks, all kinds of its layers among them.

Most of a training of seconds is what Keras and TensorFlow do once for each layer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

CUT = "del keras.src.applications.efficientnet.DEFAULT_BLOCKS_ARGS[2:]"


def make_base_small(project: Path) -> None:
    """Change the code of the network in a copy of this project."""
    path = project / "stages/network/model.py"
    before, import_, after = path.read_text(encoding="utf-8").partition("import keras\n")
    assert import_, f"no line after which to cut in {path}"
    path.write_text(f"{before}{import_}\n{CUT}\n{after}", encoding="utf-8")


@contextlib.contextmanager
def small_base() -> Iterator[None]:
    """Let Keras build small bases in this process, for as long as the block."""
    import keras

    blocks = keras.src.applications.efficientnet.DEFAULT_BLOCKS_ARGS
    cut, blocks[2:] = blocks[2:], []
    try:
        yield
    finally:
        blocks += cut
