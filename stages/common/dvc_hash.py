"""DVC's hash of a file or folder, as dvc.lock has it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_LEFT_OUT = re.compile(r"__pycache__|Thumbs\.db|desktop\.ini|\..*|.*~|#.*#|.*\.(orig|rej)")
"""Names of files and folders in our folders that .dvcignore leaves out."""

Files = Mapping[str, bytes]
"""The contents of a folder's files by their paths in it; that of a file alone by an empty path."""


def dvc_hash(files: Files) -> str:
    """Return the hash that DVC has for a file or folder."""
    hashes = {name: _md5(content) for name, content in files.items()}
    if list(hashes) == [""]:
        return hashes[""]
    listed = [{"md5": md5, "relpath": name} for name, md5 in sorted(hashes.items())]
    return f"{_md5(json.dumps(listed).encode())}.dir"


def contents(path: Path, files: Iterable[Path]) -> Files:
    """Return the contents of a file, or those of these files in a folder.

    Args:
        path: of the file or folder.
        files: those of the folder that count; paths as `path` or absolute.
    """
    if path.is_file():
        return {"": path.read_bytes()}
    folder = path.absolute()
    return {file.absolute().relative_to(folder).as_posix(): file.read_bytes() for file in files}


def counted_files(folder: Path) -> list[Path]:
    """Return the files below one of our folders that count: not what editors and others leave."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [
        path for path in found if not any(map(_LEFT_OUT.fullmatch, path.relative_to(folder).parts))
    ]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
