"""Record the inputs of the figures by content: the same for every run of one commit."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.common.dvc_hash import counted_files
from stages.common.files import json_text

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "scipy")


def provenance(
    results: Mapping[str, Any], *, profile: str, train: Mapping[str, Any], inputs: Sequence[Path]
) -> dict[str, Any]:
    """Return profile, revision, device, versions (by package) and dvc_lock (MD5 by path).

    The commit of these results does not exist yet. `revision` is the command that finds it later,
    by the MD5 of metrics/test.json in dvc.lock.

    Args:
        results: the content of metrics/test.json.
        profile: its name in params.yaml.
        train: the content of metrics/train.json.
        inputs: the files and folders that the results were made from.
    """
    figures = hashlib.md5(json_text(results).encode(), usedforsecurity=False).hexdigest()
    return {
        "profile": profile,
        "revision": f"git log --oneline --reverse -S {figures} -- dvc.lock",
        "device": train.get("device"),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "dvc_lock": {str(path): _md5(path) for path in inputs},
    }


def _md5(path: Path) -> str:
    """Return the MD5 of a file or a folder, as DVC computes it."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    listed = {file.relative_to(path).as_posix(): _md5(file) for file in counted_files(path)}
    entries = [{"md5": listed[name], "relpath": name} for name in sorted(listed)]
    text = json.dumps(entries, sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"
