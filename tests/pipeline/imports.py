"""What the project's own modules import of each other, read from their source."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import ROOT


def imported_files(file: Path) -> set[Path]:
    """The project's own files that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module, f"{file}: a relative import"
            assert not node.level, f"{file}: a relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        modules = (ROOT / f"{name.replace('.', '/')}.py" for name in names)
        found |= {module for module in modules if module.is_file()}
    return found


def closure(files: set[Path]) -> set[Path]:
    """The files, and all that they import, directly or not."""
    seen: set[Path] = set()
    waiting = set(files)
    while waiting:
        file = waiting.pop()
        seen.add(file)
        waiting |= imported_files(file) - seen
    return seen
