"""What figures were made from, by content: the same for every run of one commit."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "scipy")


def provenance(
    *, profile: str, train: Mapping[str, Any], model_keras: Path, inputs: Sequence[Path]
) -> dict[str, Any]:
    """Return profile, revision, device, versions (by package) and dvc_lock (MD5 by path).

    The commit that this becomes part of does not exist yet. `revision` is the command that finds
    it, by the model's MD5, which dvc.lock holds.

    Args:
        profile: its name in params.yaml.
        train: the content of metrics/train.json.
        model_keras: the model.
        inputs: what else the figures were made from.
    """
    digests = {str(path): _md5(path) for path in (model_keras, *inputs)}
    return {
        "profile": profile,
        "revision": f"git log --oneline -S {digests[str(model_keras)]} -- dvc.lock",
        "device": train.get("device"),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "dvc_lock": digests,
    }


def _md5(path: Path) -> str:
    """Return the MD5 of a file, as DVC keeps it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
