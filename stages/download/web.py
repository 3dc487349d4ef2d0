"""A file on a web server: ranges, fresh signatures, and its errors in one line."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import requests
import urllib3

from stages.download.origin import CHUNK, PATIENCE, Body, Edition, InterruptionError, Patience
from stages.errors import StageError

ADVICE = {
    401: "the address needs credentials, or refuses those it was given",
    403: "check that you may read it; a signed address may have expired: give a fresh one",
    404: "check the address",
    407: "give the proxy's credentials in HTTPS_PROXY",
    429: "too many requests: wait some minutes and try again",
}
"""What the user can do about an HTTP status."""

_EXPIRED = (400, 401, 403)  # Google's storage says 400, Amazon's 403 to an old signature
_TEMPORARY = (408, 425, 429)


@dataclass
class WebOrigin:
    """A file at an http(s) address that `resolve` gives, freshly signed if need be."""

    name: str
    identity: str
    resolve: Callable[[], str]
    patience: Patience = PATIENCE
    advice: Mapping[int, str] = field(default_factory=lambda: ADVICE)
    _address: str | None = field(default=None, init=False)
    _knows_ranges: bool = field(default=True, init=False)

    @contextlib.contextmanager
    def read(self, start: int, edition: Edition) -> Iterator[Body]:
        """Ask for the bytes from `start` on; see Origin.read."""
        with http_errors(self.name, advice=self.advice):
            response = self._ask(start if self._knows_ranges else 0, edition.validator)
        with response:
            body = self._body(response)
            if body.start not in (0, start):
                self._knows_ranges = False
                raise InterruptionError("the server sent another range than it was asked for")
            yield body

    def _ask(self, start: int, etag: str | None) -> requests.Response:
        known = self._address is not None
        response = self._get(start, etag)
        if known and response.status_code in _EXPIRED:
            response.close()
            self._address = None
            response = self._get(start, etag)
        if start and response.status_code in (*_EXPIRED, 416):
            response.close()  # a signature may hold for the whole alone, or the file be shorter now
            response = self._get(0, None)
        response.raise_for_status()
        return response

    def _get(self, start: int, etag: str | None) -> requests.Response:
        if self._address is None:
            self._address = self.resolve()
        headers = {"Accept-Encoding": "identity"}
        if start and etag:
            headers |= {"Range": f"bytes={start}-", "If-Range": etag}
        return requests.get(
            self._address, headers=headers, stream=True, timeout=self.patience.timeout
        )

    def _body(self, response: requests.Response) -> Body:
        chunks = _chunks(response, seconds=self.patience.read)
        etag = response.headers.get("ETag", "")
        validator = etag if re.fullmatch(r'"[^"]*"', etag) else None  # not a weak one
        md5 = _announced_md5(response)
        if response.status_code == 200:
            size = response.raw.length_remaining  # Content-Length, where it is a number
            return Body(0, Edition(size, validator, md5), chunks)
        given = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", given)
        if response.status_code != 206 or match is None:
            raise StageError(
                f"{self.name}: the server answered {response.status_code} {response.reason}; "
                "expected 200 and the file, or 206 and a range of it"
            )
        total = None if match[2] == "*" else int(match[2])
        return Body(int(match[1]), Edition(total, validator, md5), chunks)


def web_origin(url: str, *, patience: Patience = PATIENCE) -> WebOrigin:
    """Return an http(s) address as a place: the same one under another signature."""
    name = public_url(url)
    return WebOrigin(name, name, lambda: url, patience=patience)


@contextlib.contextmanager
def http_errors(name: str, *, advice: Mapping[int, str]) -> Iterator[None]:
    """Turn the errors of requests into one line that names the source and no secret.

    Their own texts are not shown: they hold whole addresses, with the signatures in them.

    Raises:
        InterruptionError: if it may help to try again.
        StageError: if it does not.
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
        reason = f"the server answered {status} {response.reason}; {hint}"
        if status in _TEMPORARY or status >= 500:
            retry_after = response.headers.get("Retry-After")
            raise InterruptionError(reason, retry_after=retry_after) from error
        raise StageError(f"{name}: {reason}") from error
    except requests.ReadTimeout as error:
        raise InterruptionError("the server did not answer in time") from error
    except requests.RequestException as error:
        reason = (
            f"it cannot be reached ({root_cause(error)}); check the address, the network, and "
            "HTTP_PROXY and HTTPS_PROXY if you need a proxy"
        )
        if _is_temporary(error):
            raise InterruptionError(reason) from error
        raise StageError(f"{name}: {reason}") from error


def root_cause(error: BaseException) -> str:
    """Return what the system said at the bottom of an error, or else only the error's type.

    The texts of libraries may hold addresses with credentials; those of the system do not.
    """
    bottom = _bottom(error)
    refused = re.match(r"Tunnel connection failed: \d{3}\b", str(bottom))
    if refused:  # http.client, of a proxy's answer
        return refused[0]
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


def _bottom(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error


def _is_temporary(error: requests.RequestException) -> bool:
    bottom = _bottom(error)
    if isinstance(bottom, ssl.SSLCertVerificationError) or "failed: 407" in root_cause(error):
        return False
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def _chunks(response: requests.Response, *, seconds: float) -> Iterator[bytes]:
    try:
        # What is there, not a full chunk: nothing that has come is lost when no more does.
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk
    except urllib3.exceptions.ReadTimeoutError as error:
        raise InterruptionError(f"no byte came for {seconds:g} s") from error
    except urllib3.exceptions.HTTPError as error:
        early = isinstance(_bottom(error), http.client.IncompleteRead)
        cause = "closed early" if early else root_cause(error)
        raise InterruptionError(f"the connection broke off ({cause})") from error


def _announced_md5(response: requests.Response) -> str | None:
    """Return the MD5 of `x-goog-hash: crc32c=…,md5=…` in hexadecimal digits.

    https://cloud.google.com/storage/docs/xml-api/reference-headers
    """
    checksums = response.headers.get("x-goog-hash", "").split(",")
    named = dict(checksum.strip().partition("=")[::2] for checksum in checksums)
    try:
        return base64.b64decode(named["md5"], validate=True).hex()
    except (KeyError, binascii.Error):
        return None
