"""Complete an address in params.yaml with secrets from the environment."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit

from stages.common.errors import StageError

_VARIABLE = re.compile(r"\$(\w+)", re.ASCII)
_SECRET = re.compile(r"(?i)signature|^sig$|token|passw|secret|credential|key$|^auth|^jwt$")
"""Matches names of secret query parameters, as in signed URLs of Amazon, Google, Azure, others."""


def expand_variables(source: str) -> str:
    """Return a path or URL with each `$NAME` in it replaced by that environment variable.

    A path that is there as it is written, with the $ in it, is returned unchanged.

    Raises:
        StageError: if a variable is not set or stands in braces, or if a URL holds a secret:
            params.yaml and dvc.lock, to which DVC copies the URL, are in git.
    """
    if "$" in source and os.path.lexists(source):
        return source
    if "${" in source:
        raise StageError(
            "params.yaml holds ${ in a path or an address: `dvc exp run -S` takes what is in such "
            "braces for a key of params.yaml, and runs nothing; write $NAME without braces"
        )
    _refuse_secrets(source)
    missing = sorted({name for name in _VARIABLE.findall(source) if name not in os.environ})
    if missing:
        raise StageError(
            f"params.yaml takes {', '.join(missing)} from the environment, where it is not "
            "set; set it, or write the address without $, or check the path if $ is part of it"
        )
    return os.path.expandvars(source)


def _refuse_secrets(source: str) -> None:
    held = [name for part in source.split("::") for name in _secrets(part)]
    if held:
        raise StageError(
            f"params.yaml holds {', '.join(held)}, and would be written into dvc.lock, which "
            "is in git; put it into an environment variable and write $NAME in its place"
        )


def _secrets(address: str) -> list[str]:
    """Return the names of the literal secrets in one address of an fsspec chain (`::`)."""
    try:
        parts = urlsplit(address)
        user, password, query = parts.username, parts.password, parse_qsl(parts.query)
    except ValueError as error:
        raise StageError(f"{address} is no address ({error}); check it") from error
    if not parts.netloc:
        return []
    held = [name for name, value in query if _SECRET.search(name) and not _from_outside(value)]
    if password and not _from_outside(password):
        held.append("a password")
    if user and parts.scheme in ("http", "https") and not _from_outside(user):
        held.append("a user name, which may be a token")
    return held


def _from_outside(value: str) -> bool:
    return _VARIABLE.fullmatch(value) is not None
