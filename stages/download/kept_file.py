"""Keep a file that was transferred and verified, for the next run that wants it.

    <state folder>/kept/<SHA-256 of the file>
    <state folder>/kept/<identity>.json         version and SHA-256 of the last file from an origin

DVC removes the outputs of a stage before it runs. What it runs again for other parameters or code
is then still here, also if the origin is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.common.files import atomic_path, file_sha256, write_json
from stages.download.origin import FileVersion

_ROOM = 4
"""What is kept may take a fourth of the free space: DVC wants some for its cache."""


@dataclass(frozen=True)
class KeptFile:
    """A kept file, under the SHA-256 of its bytes, and its version at the origin, if known."""

    path: Path
    version: FileVersion


def keep_file(path: Path, state: Path, *, identity: str, version: FileVersion) -> None:
    """Keep a copy of a verified file, in place of the last one from this origin, if there is room.

    Never fails: the file itself is there.
    """
    folder, note = _places(state, identity)
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        digits, former = file_sha256(path), _noted(note)
        if _ROOM * path.stat().st_size > shutil.disk_usage(folder).free:
            return
        with atomic_path(folder / digits) as copy:
            shutil.copyfile(path, copy)
        write_json({"sha256": digits, **dataclasses.asdict(version)}, note)
        if former and former[0] != digits:
            (folder / former[0]).unlink(missing_ok=True)


def kept_file(state: Path, *, identity: str, sha256: Sequence[str]) -> KeptFile | None:
    """Return the kept file with the first of the SHA-256; without one, the last from this origin.

    A file that has changed on the disk is removed.
    """
    folder, note = _places(state, identity)
    found = (sha256[0], FileVersion()) if sha256 else _noted(note)
    if found is None or not (path := folder / found[0]).is_file():
        return None
    if file_sha256(path) != found[0]:
        path.unlink()
        return None
    return KeptFile(path, found[1])


def _places(state: Path, identity: str) -> tuple[Path, Path]:
    """Return the folder of the kept files, and the note of an origin."""
    folder = state / "kept"
    return folder, folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.json"


def _noted(note: Path) -> tuple[str, FileVersion] | None:
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        version = FileVersion(content["size"], content["validator"], content["md5"])
        return str(content["sha256"]), version
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
