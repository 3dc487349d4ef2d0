"""Join JavaScript modules into one script: a page from disk cannot load a second file."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined_scripts(entry: Path) -> str:
    """Return a module and all that it imports as one script, each after what it imports itself.

    Modules may import names of files beside them, and export functions, classes and constants where
    they are declared. No two may declare the same name at their top: a browser refuses the second.

    Raises:
        ValueError: on other forms of import and export.
    """
    parts: dict[Path, str] = {}
    _add(entry, parts, set())
    return "\n".join(parts.values())


def _add(module: Path, parts: dict[Path, str], read: set[Path]) -> None:
    text = module.read_text(encoding="utf-8")
    read.add(module)
    for imported in map(module.with_name, _IMPORT.findall(text)):
        if imported not in read:
            _add(imported, parts, read)
    own = _EXPORT.sub("", _IMPORT.sub("", text))
    if left := _LEFT.search(own):
        raise ValueError(f"{module}: {left[0]!r} is no import or export that can be joined")
    parts[module] = own
