"""Read a file from a web server: range requests, renewed signatures, validators."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

import requests
import urllib3

from stages.common.errors import StageError
from stages.download.http_errors import ADVICE, bottom, http_errors, public_url, root_cause
from stages.download.origin import (
    CHUNK,
    DEFAULT_RETRIES,
    Body,
    FileVersion,
    InterruptionError,
    RetryPolicy,
)

_EXPIRED = (400, 401, 403)  # for an expired signature, Google's storage sends 400, Amazon's 403


@dataclass
class HttpOrigin:
    """A file at an http(s) URL. `resolve` returns the URL, newly signed if necessary."""

    name: str
    identity: str
    resolve: Callable[[], str]
    retry_policy: RetryPolicy = DEFAULT_RETRIES
    advice: Mapping[int, str] = field(default_factory=lambda: ADVICE)
    _address: str | None = field(default=None, init=False)
    _supports_ranges: bool = field(default=True, init=False)

    @contextlib.contextmanager
    def read(self, start: int, version: FileVersion) -> Iterator[Body]:
        """Request the bytes from `start` on; see Origin.read."""
        with http_errors(self.name, advice=self.advice):
            response = self._request(start if self._supports_ranges else 0, version.validator)
        with response:
            body = self._body(response)
            if body.start not in (0, start):
                self._supports_ranges = False
                raise InterruptionError("the server sent another range than it was asked for")
            yield body

    def _request(self, start: int, etag: str | None) -> requests.Response:
        known = self._address is not None
        response = self._get(start, etag)
        if known and response.status_code in _EXPIRED:
            response.close()
            self._address = None
            response = self._get(start, etag)
        if start and response.status_code in (*_EXPIRED, 416):
            response.close()  # the signature may not allow a range, or the file may be shorter now
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
            self._address, headers=headers, stream=True, timeout=self.retry_policy.timeout
        )

    def _body(self, response: requests.Response) -> Body:
        chunks = _chunks(response, seconds=self.retry_policy.read)
        validator = _validator(response.headers)
        md5 = _announced_md5(response)
        if response.status_code == 200:
            size = response.raw.length_remaining  # Content-Length, or None if it is not a number
            return Body(0, FileVersion(size, validator, md5), chunks)
        given = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", given)
        if response.status_code != 206 or match is None:
            raise StageError(
                f"{self.name}: the server answered {response.status_code} {response.reason}; "
                "expected 200 and the file, or 206 and a range of it"
            )
        total = None if match[2] == "*" else int(match[2])
        return Body(int(match[1]), FileVersion(total, validator, md5), chunks)


def http_origin(
    url: str, *, name: str | None = None, retry_policy: RetryPolicy = DEFAULT_RETRIES
) -> HttpOrigin:
    """Return the origin of an http(s) URL. Its identity does not include the signature."""
    name = name or public_url(url)
    return HttpOrigin(name, name, lambda: url, retry_policy=retry_policy)


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return a strong ETag, or else a Last-Modified date that no later change can repeat.

    https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
    """
    etag = headers.get("ETag", "")
    if etag:
        return etag if re.fullmatch(r'"[^"]*"', etag) else None  # a weak ETag is not enough
    changed = headers.get("Last-Modified", "")
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(changed)
    except (ValueError, TypeError):
        return None
    return changed if age >= timedelta(minutes=1) else None


def _chunks(response: requests.Response, *, seconds: float) -> Iterator[bytes]:
    try:
        # read1 does not wait for a full chunk, so an interruption loses no byte received before.
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk
    except urllib3.exceptions.ReadTimeoutError as error:
        raise InterruptionError(f"no byte came for {seconds:g} s") from error
    except urllib3.exceptions.HTTPError as error:
        early = isinstance(bottom(error), http.client.IncompleteRead)
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
