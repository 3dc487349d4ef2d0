"""What counts in a file of code: all but comments, docstrings and layout."""

from __future__ import annotations

import ast
import hashlib
import re


def statements(content: bytes) -> list[ast.stmt]:
    """Return the statements of a Python file that count.

    Docstrings count in a file that holds `__doc__`.

    Raises:
        SyntaxError, ValueError: if it is no Python.
    """
    tree = ast.parse(content)
    return tree.body if b"__doc__" in content else _WithoutDocstrings().visit(tree).body


def requirements(content: bytes) -> list[bytes]:
    """Return the words of each requirement in a requirements.txt, as pip reads them."""
    lines = (re.sub(rb"(^|\s)#.*", b"", line) for line in content.splitlines())
    joined = re.sub(rb"\\\n", b"", b"\n".join(lines))
    return [b" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def code_sha256(content: bytes) -> str:
    """Return the SHA-256 of what counts in a Python file, in hexadecimal.

    Raises:
        SyntaxError, ValueError: if it is no Python.
    """
    counts = "\n".join(map(ast.dump, statements(content)))
    return hashlib.sha256(counts.encode(errors="surrogatepass")).hexdigest()


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes what does nothing: strings that are statements, and `pass`."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        return None if isinstance(value, ast.Constant) and isinstance(value.value, str) else node

    def visit_Pass(self, node: ast.Pass) -> None:
        """Remove it: a docstring may stand in its place."""
