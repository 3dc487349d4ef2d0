"""Where Keras publishes ImageNet weights, read from the source of the installed Keras."""

from __future__ import annotations

import ast
from importlib.metadata import distribution
from pathlib import Path
from typing import Any


def published_weights(base: str) -> tuple[str, str]:
    """Return the URL and the MD5 of Keras' ImageNet weights for a base without its top.

    It reads the source of the installed Keras: an import would load TensorFlow, in 4 seconds.
    """
    address, hashes = _constants(
        "keras/src/applications/efficientnet.py", "BASE_WEIGHTS_PATH", "WEIGHTS_HASHES"
    )
    md5: str = hashes[base.lower().removeprefix("efficientnet")][1]
    return f"{address}{base.lower()}_notop.h5", md5


def _constants(module: str, *names: str) -> list[Any]:
    """Return the values of constants in a module of the installed Keras, without importing it."""
    source = Path(str(distribution("keras").locate_file(module))).read_text(encoding="utf-8")
    assigned = {
        ast.unparse(node.targets[0]): node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }
    return [ast.literal_eval(assigned[name]) for name in names]
