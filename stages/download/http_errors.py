"""Turn the errors of requests into one line, without the secrets of an address."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Iterator, Mapping

import requests

from stages.common.errors import StageError
from stages.download.origin import InterruptionError

ADVICE = {
    401: "the address needs credentials, or refuses those it was given",
    403: "check that you may read it; a signed address may have expired: give a fresh one",
    404: "check the address",
    407: "give the proxy's credentials in HTTPS_PROXY",
    429: "too many requests: wait some minutes and try again",
}
"""What the user can do about an HTTP status."""

_TEMPORARY = (408, 425, 429)
_UNREACHABLE = (errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH)


@contextlib.contextmanager
def http_errors(name: str, *, advice: Mapping[int, str]) -> Iterator[None]:
    """Turn the errors of requests into one line that names the source and no secret.

    The messages of requests are not shown: they hold whole URLs, including signatures.

    Raises:
        InterruptionError: if a retry may help.
        StageError: if a retry does not help.
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
            raise InterruptionError(reason, offline=is_offline(error)) from error
        raise StageError(f"{name}: {reason}") from error


def root_cause(error: BaseException) -> str:
    """Return the operating system's message for the first error of a chain, or else its type.

    Messages of libraries may hold URLs with credentials; those of the system do not.
    """
    cause = bottom(error)
    refused = re.match(r"Tunnel connection failed: \d{3}\b", str(cause))
    if refused:  # http.client's message about a proxy
        return refused[0]
    return getattr(cause, "strerror", None) or type(error).__name__


def public_url(url: str) -> str:
    """Return a URL for messages: without user, password, query and fragment."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        return f"{scheme}://…"  # a password with an unescaped / or ? may extend to here
    host = authority.rpartition("@")[2]
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return f"{scheme}://{host}{path}"


def bottom(error: BaseException) -> BaseException:
    """Return the first error of a chain of exceptions."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _is_temporary(error: requests.RequestException) -> bool:
    cause = bottom(error)
    if isinstance(cause, ssl.SSLCertVerificationError) or "failed: 407" in root_cause(error):
        return False
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def is_offline(error: BaseException) -> bool:
    """Return whether no name was resolved, or no route found, whether to the server or a proxy."""
    cause = bottom(error)
    return isinstance(cause, socket.gaierror) or getattr(cause, "errno", None) in _UNREACHABLE
