"""The address of a source: with its secrets from the environment, never from params.yaml."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit

from stages.errors import StageError

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_SECRET = re.compile(r"(?i)signature|^sig$|token|passw|secret|credential|api_?key")
"""In the names of the parts of a query: signed addresses of Amazon, Google, Azure, and others."""


def filled_in(source: str) -> str:
    """Return a path or URL with each `$NAME` in it replaced by that environment variable.

    Raises:
        StageError: if a variable is not set, or a URL holds a secret: params.yaml and dvc.lock,
            where DVC writes it down, are in git.
    """
    _refuse_secrets(source)
    names = [one or other for one, other in _VARIABLE.findall(source)]
    missing = sorted({name for name in names if name not in os.environ})
    if missing:
        raise StageError(
            f"download.source takes {', '.join(missing)} from the environment, where it is not "
            "set; set it, or write the address without $"
        )
    return os.path.expandvars(source)


def _refuse_secrets(source: str) -> None:
    try:
        parts = urlsplit(source)
        password, query = parts.password, parse_qsl(parts.query)
    except ValueError as error:
        raise StageError(f"download.source is no address ({error}); check it") from error
    if not parts.netloc:
        return
    held = [name for name, value in query if _SECRET.search(name) and not value.startswith("$")]
    if password and not password.startswith("$"):
        held.append("a password")
    if held:
        raise StageError(
            f"download.source holds {', '.join(held)}, and would be written into dvc.lock, which "
            "is in git; put it into an environment variable and write $NAME in its place"
        )
