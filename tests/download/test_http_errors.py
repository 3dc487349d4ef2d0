from __future__ import annotations

import errno
import socket
import ssl

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.download.http_errors import http_errors, public_url
from stages.download.origin import InterruptionError

SECRET = "s3cr3t"


def test_a_certificate_that_does_not_hold_is_told_at_once() -> None:
    error = requests.exceptions.SSLError(SECRET)
    error.__context__ = ssl.SSLCertVerificationError("self-signed")
    with pytest.raises(StageError, match="SSLError"), http_errors("it", advice={}):
        raise error


@pytest.mark.parametrize(
    ("cause", "offline"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), False),
        (TimeoutError("timed out"), False),
    ],
)
def test_a_machine_without_a_network_is_told_from_a_server_that_is_down(
    cause: OSError, *, offline: bool
) -> None:
    error = requests.ConnectionError(SECRET)
    error.__context__ = cause
    with pytest.raises(InterruptionError) as caught, http_errors("it", advice={}):
        raise error
    assert caught.value.offline is offline


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/cnmc.zip", "https://host/a/cnmc.zip"),
        ("https://host:8443/a.zip?X-Amz-Signature=abc#top", "https://host:8443/a.zip"),
        ("https://me:word@host/a.zip", "https://host/a.zip"),
        ("s3://bucket/folder/a.zip", "s3://bucket/folder/a.zip"),
        ("https://host?token=abc", "https://host"),
        ("s3://KEY:secret/with/slash@bucket/a.zip", "s3://…"),
        ("simplecache::https://me:word@host/a.zip", "simplecache::https://host/a.zip"),
        ("zip://a.zip::https://me:word@host/b.zip", "zip://…"),
    ],
)
def test_messages_show_an_address_without_its_secrets(url: str, shown: str) -> None:
    assert public_url(url) == shown


@given(st.text(alphabet="ab/?#@:%+", max_size=8), st.text(alphabet="ab/?#@:%+", max_size=8))
def test_neither_password_nor_signature_is_ever_shown(before: str, after: str) -> None:
    secret = f"{before}{SECRET}{after}"
    assert SECRET not in public_url(f"s3://user:{secret}@bucket/a.zip")
    assert SECRET not in public_url(f"https://host/a.zip?signature={secret}")
