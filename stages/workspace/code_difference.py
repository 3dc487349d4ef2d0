"""What differs between two contents of a file, besides comments, docstrings and layout.

Pure: bytes in, a reason out.
"""

from __future__ import annotations

import ast
import re
from itertools import zip_longest

from stages.common.code_content import requirements, statements


def difference(name: str, recorded: bytes | None, now: bytes | None) -> str | None:
    """Return in what a file differs from its recorded content; None if in nothing that counts.

    Args:
        name: of the file.
        recorded: None if there was no such file.
        now: None if there is no such file any more.
    """
    if recorded == now:
        return None
    if recorded is None:
        return "is new"
    if now is None:
        return "is gone"
    if name.endswith(".py"):
        return _python_difference(recorded, now)
    if re.search(r"(^|/)requirements[\w-]*\.txt$", name):
        same = requirements(recorded) == requirements(now)
        return None if same else "differs in more than comments and layout"
    return "differs, and of such a file every byte counts"


def _python_difference(recorded: bytes, now: bytes) -> str | None:
    try:
        pairs = zip_longest(statements(recorded), statements(now))
    except (SyntaxError, ValueError) as error:
        return f"is no Python ({error})"
    for before, after in pairs:
        if before is None or after is None or ast.dump(before) != ast.dump(after):
            place = f"in the statement from line {after.lineno} on" if after else "at its end"
            return f"differs in more than comments, docstrings and layout, first {place}"
    return None
