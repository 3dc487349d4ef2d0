"""What the transfer asks of a place that holds a file, and what such a place answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from urllib3 import Retry

CHUNK = 1 << 20
"""Bytes that are taken at once, at most."""


@dataclass(frozen=True)
class Edition:
    """What a place says of the bytes that it holds; None where it does not say.

    Attributes:
        size: bytes.
        validator: changes whenever the bytes do, like a strong ETag
            (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1).
        md5: of all bytes, in hexadecimal digits.
    """

    size: int | None = None
    validator: str | None = None
    md5: str | None = None

    def fits(self, other: Edition) -> bool:
        """Tell whether nothing that both say is different."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return all(one is None or another is None or one == another for one, another in pairs)

    def completed(self, other: Edition) -> Edition:
        """Return this edition, with what it does not say taken from another that fits."""
        said = {key: value for key, value in vars(self).items() if value is not None}
        return dataclasses.replace(other, **said)


@dataclass(frozen=True)
class Body:
    """Bytes on their way: those of `edition` from offset `start` to the end."""

    start: int
    edition: Edition
    chunks: Iterator[bytes]


class Origin(Protocol):
    """A place that holds a file.

    Attributes:
        name: how messages call it, without credentials.
        identity: the same for the same file tomorrow: no signature, no credentials.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def identity(self) -> str: ...  # noqa: D102

    def read(self, start: int, edition: Edition) -> AbstractContextManager[Body]:
        """Ask for the bytes from `start` on, or for all if they are not of `edition` any more.

        Raises:
            InterruptionError: if it may help to ask again; the chunks raise it, too.
            StageError: if it does not.
        """


class InterruptionError(Exception):
    """Why bytes stopped coming, in one line without credentials.

    Attributes:
        retry_after: how long the server asks to wait, as it words it.
    """

    def __init__(self, reason: str, *, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


def _retries() -> Retry:
    """Up to 8 more tries without a new byte, in three to four minutes."""
    return Retry(total=8, backoff_factor=1, backoff_max=60, backoff_jitter=1, retry_after_max=300)


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try again.

    Attributes:
        connect: seconds for a connection.
        read: seconds without a byte.
        retries: tries without a new byte, and the pauses between them.
    """

    connect: float = 10
    read: float = 60
    retries: Retry = field(default_factory=_retries)

    @property
    def timeout(self) -> tuple[float, float]:
        """Both times, as requests takes them."""
        return self.connect, self.read


PATIENCE = Patience()
