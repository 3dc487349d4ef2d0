"""The interface between a transfer and the origin of a file, such as a web server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from urllib3 import Retry

CHUNK = 1 << 20
"""Bytes read at a time, at most."""


@dataclass(frozen=True)
class FileVersion:
    """The version of a file, as its origin reports it; None for what it does not report.

    Attributes:
        size: number of bytes.
        validator: a text that changes whenever the bytes do, like a strong ETag
            (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1).
        md5: MD5 of all bytes, in hexadecimal digits.
    """

    size: int | None = None
    validator: str | None = None
    md5: str | None = None

    def fits(self, other: FileVersion) -> bool:
        """Return whether all values that both versions have are equal."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return all(one is None or another is None or one == another for one, another in pairs)

    def completed(self, other: FileVersion) -> FileVersion:
        """Return this version, with missing values filled in from another that fits."""
        said = {key: value for key, value in vars(self).items() if value is not None}
        return dataclasses.replace(other, **said)


@dataclass(frozen=True)
class Body:
    """The body of a response: the bytes of `version` from offset `start` to the end."""

    start: int
    version: FileVersion
    chunks: Iterator[bytes]


class Origin(Protocol):
    """The origin of a file, for example a web server or a bucket.

    Attributes:
        name: name of the file in messages, without credentials.
        identity: a name that is the same in every run: no signature, no credentials.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def identity(self) -> str: ...  # noqa: D102

    def read(self, start: int, version: FileVersion) -> AbstractContextManager[Body]:
        """Request the bytes from `start` on, or all bytes if the file has another version now.

        Raises:
            InterruptionError: if a retry may help; reading the chunks raises it, too.
            StageError: if a retry does not help.
        """


class InterruptionError(Exception):
    """A transfer was interrupted. The message gives the reason in one line without credentials.

    Attributes:
        retry_after: the server's Retry-After header, as received.
        offline: whether no server was found, as on a machine without a network.
    """

    def __init__(
        self, reason: str, *, retry_after: str | None = None, offline: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.offline = offline


def _retries() -> Retry:
    """Return up to 8 retries without a new byte, in three to four minutes."""
    return Retry(total=8, backoff_factor=1, backoff_max=60, backoff_jitter=1, retry_after_max=300)


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts and retries.

    Attributes:
        connect: timeout of a connection attempt, in seconds.
        read: timeout without a byte, in seconds.
        retries: number of retries without a new byte, and the pauses between them.
    """

    connect: float = 10
    read: float = 60
    retries: Retry = field(default_factory=_retries)

    @property
    def timeout(self) -> tuple[float, float]:
        """Both timeouts, as requests takes them."""
        return self.connect, self.read


DEFAULT_RETRIES = RetryPolicy()
