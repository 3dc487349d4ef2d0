"""Look for names of images and people in everything that git and a DVC remote get."""

from __future__ import annotations

import html
import io
import json
import subprocess
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def published(project: Path, remote: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each object of git's history, and each file of the remote, by its name."""
    listed = _git(project, "rev-list", "--all", "--objects").decode().splitlines()
    for line in listed:
        number, _, path = line.partition(" ")
        yield f"git: {path or number}", path.encode() + _git(project, "cat-file", "-p", number)
    for path in sorted(remote.rglob("*")):
        if path.is_file():
            yield f"remote: {path.relative_to(remote)}", path.read_bytes()


def places_of(names: Iterable[str], contents: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return where one of the names stands, however it is encoded; packed files are unpacked."""
    wanted = {
        written.encode("utf-8").lower()
        for name in names
        for form in (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
        for written in (form, json.dumps(form)[1:-1], html.escape(form))
    }
    return [
        place
        for named, content in contents
        for place, plain in _unpacked(named, content)
        if any(name in plain.lower() for name in wanted)
    ]


def _unpacked(place: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield place, content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from _unpacked(f"{place}: {member}", archive.read(member))
    elif content[:1] == b"\x78":  # zlib, as a shard
        try:
            yield f"{place}: unpacked", zlib.decompress(content)
        except zlib.error:
            return


def _git(project: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", project, *arguments], capture_output=True, check=True
    ).stdout
