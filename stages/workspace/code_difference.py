"""What differs between two contents of a file, besides comments, docstrings and layout.

Pure: bytes in, a reason out.
"""

from __future__ import annotations

import ast
import re
from itertools import zip_longest


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
        same = _requirements(recorded) == _requirements(now)
        return None if same else "differs in more than comments and layout"
    return "differs, and of such a file every byte counts"


def _python_difference(recorded: bytes, now: bytes) -> str | None:
    try:
        statements = zip_longest(_statements(recorded), _statements(now))
    except (SyntaxError, ValueError) as error:
        return f"is no Python ({error})"
    for before, after in statements:
        if before is None or after is None or ast.dump(before) != ast.dump(after):
            place = f"in the statement from line {after.lineno} on" if after else "at its end"
            return f"differs in more than comments, docstrings and layout, first {place}"
    return None


def _statements(content: bytes) -> list[ast.stmt]:
    tree = ast.parse(content)
    return tree.body if b"__doc__" in content else _WithoutDocstrings().visit(tree).body


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes what does nothing: strings that are statements, and `pass`."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        return None if isinstance(value, ast.Constant) and isinstance(value.value, str) else node

    def visit_Pass(self, node: ast.Pass) -> None:
        """Remove it: a docstring may stand in its place."""


def _requirements(content: bytes) -> list[bytes]:
    """Return the words of each requirement, as pip reads them."""
    lines = (re.sub(rb"(^|\s)#.*", b"", line) for line in content.splitlines())
    joined = re.sub(rb"\\\n", b"", b"\n".join(lines))
    return [b" ".join(line.split()) for line in joined.splitlines() if line.strip()]
