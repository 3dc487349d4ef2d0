"""A hash of all that a training depends on: a run resumes only state with its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.common.code_content import code_sha256
from stages.common.dvc_hash import counted_files
from stages.common.files import file_sha256

_SHARED_MODULE = re.compile(r"stages(\.(common|dataset|network|statistics)(\.\w+)?)?")
_STAGE = Path(__file__).parents[1]


def inputs(
    settings: Mapping[str, Any], *, code: Mapping[str, Path], data: Mapping[str, Path]
) -> dict[str, Any]:
    """Return settings (any JSON value), and a SHA-256 for each file, as one JSON value.

    That of code is without its comments, docstrings and layout.
    """
    digests = {name: code_sha256(path.read_bytes()) for name, path in code.items()}
    digests |= {name: file_sha256(path) for name, path in data.items()}
    return {"settings": settings, "files": digests}


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def code_files() -> dict[str, Path]:
    """Return the modules of this stage and the shared modules that the process has imported."""
    stage = {
        f"stages/train/{path.relative_to(_STAGE).as_posix()}": path
        for path in counted_files(_STAGE)
        if path.suffix == ".py"
    }
    shared = {
        name: Path(str(module.__file__))
        for name, module in sys.modules.items()
        if _SHARED_MODULE.fullmatch(name) and getattr(module, "__file__", None)
    }
    return stage | shared


def data_files(shards: Path, cells_csv: Path, weights: Path) -> dict[str, Path]:
    """Return shards, their index and the table of cells; if they exist, weights and pins."""
    files = {f"shards/{path.relative_to(shards)}": path for path in counted_files(shards)}
    files["cells.csv"] = cells_csv
    single = {"weights": weights, "requirements.txt": Path("requirements.txt")}
    return files | {name: path for name, path in single.items() if path.is_file()}
