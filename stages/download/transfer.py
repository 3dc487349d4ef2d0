"""Bytes from a server into a file: with timeouts, length, checksum, and one line on a failure."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import requests
import urllib3

from stages.errors import StageError
from stages.progress import progress

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and seconds without a byte."""

CHUNK = 1 << 20

ADVICE = {
    401: "the address needs credentials, or refuses those it was given",
    403: "check that you may read it; a signed address may have expired",
    404: "check the address",
    407: "give the proxy's credentials in HTTPS_PROXY",
    429: "too many requests: wait some minutes and try again",
}
"""What the user can do about an HTTP status."""


def download_url(url: str, destination: Path) -> None:
    """Download an http(s) address into a file. Raises StageError on any failure."""
    name = public_url(url)
    with (
        http_errors(name, advice=ADVICE),
        requests.get(
            url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
        ) as response,
    ):
        response.raise_for_status()
        save_body(response, destination, name=name)


def save_body(response: requests.Response, destination: Path, *, name: str) -> None:
    """Write a streamed body as sent; compare its length and MD5 where the server tells them.

    Raises:
        StageError: if the connection breaks, or the length (Content-Length) or the checksum
            (x-goog-hash, https://cloud.google.com/storage/docs/xml-api/reference-headers) differs.
    """
    total = response.raw.length_remaining  # Content-Length, where it is there and a number
    write_chunks(_body(response, name), destination, name=name, total=total)
    expected = _announced_md5(response)
    if expected is None:
        return
    with destination.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    if base64.b64encode(digest).decode() != expected:
        raise StageError(
            f"{name}: the bytes that arrived are not those that the server announced "
            f"(MD5 {digest.hex()}); try again"
        )


def write_chunks(
    chunks: Iterable[bytes], destination: Path, *, name: str, total: int | None
) -> None:
    """Write chunks to a file, with progress. Raises StageError if they are not `total` bytes."""
    written = 0
    with (
        destination.open("wb") as file,
        progress(total=total or 0, description="Transferring", unit="B") as bar,
    ):
        for chunk in chunks:
            written += file.write(chunk)
            bar.update(len(chunk))
    if total is not None and written != total:
        raise StageError(f"{name}: {written:,} bytes arrived, expected {total:,}; try again")


@contextlib.contextmanager
def http_errors(name: str, *, advice: Mapping[int, str]) -> Iterator[None]:
    """Turn the errors of requests into a StageError that names the source and no secret.

    Their own texts are not shown: they hold whole addresses, with the signatures in them.
    """
    try:
        yield
    except requests.HTTPError as error:
        response = error.response
        response.close()
        status = response.status_code
        hint = advice.get(status, "check the address")
        if status >= 500:
            hint = "the server is at fault: try again later"
        raise StageError(
            f"{name}: the server answered {status} {response.reason}; {hint}"
        ) from error
    except requests.RequestException as error:
        raise StageError(
            f"{name} cannot be reached ({root_cause(error)}); check the address, the network, and "
            "HTTP_PROXY and HTTPS_PROXY if you need a proxy"
        ) from error


def root_cause(error: BaseException) -> str:
    """Return what the system said at the bottom of an error, or else only the error's type.

    The texts of libraries may hold addresses with credentials; those of the system do not.
    """
    bottom = error
    while bottom.__context__ is not None:
        bottom = bottom.__context__
    return getattr(bottom, "strerror", None) or type(error).__name__


def public_url(url: str) -> str:
    """Return a URL as messages may show it: without user, password, query and fragment."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        return f"{scheme}://…"  # a password may hold an unescaped / or ?, and reach to here
    host = authority.rpartition("@")[2]
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return f"{scheme}://{host}{path}"


def _body(response: requests.Response, name: str) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise StageError(f"{name}: the transfer broke off ({error.args[0]}); try again") from error


def _announced_md5(response: requests.Response) -> str | None:
    """Return the MD5 of `x-goog-hash: crc32c=…,md5=…`, in base64."""
    checksums = response.headers.get("x-goog-hash", "").split(",")
    named = dict(checksum.strip().partition("=")[::2] for checksum in checksums)
    return named.get("md5")
