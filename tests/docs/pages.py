"""README.md, CONTRIBUTING.md and the pages in docs/: their sections, and their commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

DOCS = ROOT / "docs"
AT_THE_TOP = ("README.md", "CONTRIBUTING.md")
NAMES = [*AT_THE_TOP, *sorted(path.name for path in DOCS.glob("*.md"))]
PROGRAMS = (
    *("make", "git", "dvc", "python", "pytest", "cp", "rm", "find", "perl", "export"),
    *("mkdir", "chgrp", "chmod", "docker", "sbatch", "scontrol"),
)
"""What a command begins with. Blocks and words of another kind show a table, a name or Python."""


def page(name: str) -> str:
    """The text of a page."""
    return (folder(name) / name).read_text(encoding="utf-8")


def folder(name: str) -> Path:
    """The folder that a page is in."""
    return ROOT if name in AT_THE_TOP else DOCS


def section(name: str, heading: str) -> str:
    """What stands on a page below a heading of the second level.

    Raises:
        ValueError: if the page has no such heading, or more than one.
    """
    parts = page(name).split(f"\n## {heading}\n")
    if len(parts) != 2:
        raise ValueError(f"{name} has {len(parts) - 1} sections {heading!r}, expected one")
    return parts[1].split("\n## ")[0]


def commands(text: str) -> list[str]:
    """The commands in the indented blocks of a text, without `.venv/bin/` and comments."""
    return [line.removeprefix(".venv/bin/") for block in _blocks(text) for line in block]


def inline_commands(text: str) -> list[str]:
    """The commands between backticks in a text, without `.venv/bin/`. A program alone is none."""
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text))
    lines = (span.removeprefix(".venv/bin/") for span in spans)
    return [line for line in lines if line.partition(" ")[0] in PROGRAMS and " " in line]


def command(text: str, start: str) -> str:
    """The one command of a text that starts so."""
    (found,) = (line for line in commands(text) if line.startswith(start))
    return found


def _blocks(text: str) -> Iterator[list[str]]:
    for block in re.findall(r"(?:^    .*\n?)+", text, re.MULTILINE):
        lines = [re.sub(r"(^|  +)# .*", "", line[4:]).rstrip() for line in block.splitlines()]
        lines = [line for line in lines if line]
        if lines and lines[0].removeprefix(".venv/bin/").split()[0] in PROGRAMS:
            yield lines
