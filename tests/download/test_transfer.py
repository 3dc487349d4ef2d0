from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.download import transfer
from stages.download.transfer import download_url, public_url, write_chunks
from stages.errors import StageError
from tests.download.http_server import Answer, Request, serving

CONTENT = bytes(range(256)) * 10_000
SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def fetch(answer: Answer, destination: Path) -> Request:
    """Download what a server answers, from an address with secrets in it."""
    requests: list[Request] = []

    def respond(request: Request) -> Answer:
        requests.append(request)
        return answer

    with serving(respond) as address:
        address = address.replace("//", f"//me:{SECRET}@")
        download_url(f"{address}/data/cnmc.zip?signature={SECRET}", destination)
    return requests[0]


def failure(answer: Answer, destination: Path) -> str:
    with pytest.raises(StageError) as caught:
        fetch(answer, destination)
    message = str(caught.value)
    assert message.startswith("http://127.0.0.1:")
    assert "/data/cnmc.zip" in message
    assert "\n" not in message
    assert SECRET not in message
    return message


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Length": None},  # then the end of the connection is the end of the file
        {"x-goog-hash": f"md5={base64.b64encode(hashlib.md5(CONTENT).digest()).decode()}"},
    ],
)
def test_a_body_arrives_byte_for_byte(tmp_path: Path, headers: Mapping[str, str | None]) -> None:
    request = fetch(Answer(200, CONTENT, headers), tmp_path / "cnmc.zip")
    assert (tmp_path / "cnmc.zip").read_bytes() == CONTENT
    assert request.path == f"/data/cnmc.zip?signature={SECRET}"
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "check the address"),
        (401, "needs credentials"),
        (403, "signed address may have expired"),
        (404, "check the address"),
        (407, "HTTPS_PROXY"),
        (429, "wait some minutes"),
        (500, "server is at fault"),
        (599, "server is at fault"),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, status: int, advice: str) -> None:
    message = failure(Answer(status, b"<html>no</html>"), tmp_path / "cnmc.zip")
    assert f"the server answered {status}" in message
    assert advice in message


def test_a_short_body_is_refused(tmp_path: Path) -> None:
    message = failure(Answer(200, CONTENT, sent=1000), tmp_path / "cnmc.zip")
    assert f"IncompleteRead(1000 bytes read, {len(CONTENT) - 1000} more expected)" in message


def test_other_bytes_than_announced_are_refused(tmp_path: Path) -> None:
    md5 = base64.b64encode(hashlib.md5(b"others").digest()).decode()
    answer = Answer(200, CONTENT, {"x-goog-hash": f"crc32c=n03x6A==, md5={md5}"})
    assert hashlib.md5(CONTENT).hexdigest() in failure(answer, tmp_path / "cnmc.zip")


def test_silence_ends_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", (0.2, 0.2))
    assert "ReadTimeout" in failure(Answer(status=0, stalls=True), tmp_path / "cnmc.zip")
    stalled = Answer(200, CONTENT, sent=1000, stalls=True)
    assert "Read timed out" in failure(stalled, tmp_path / "cnmc.zip")


def test_no_server_is_told_in_one_line(tmp_path: Path) -> None:
    with serving(lambda _: Answer()) as address:
        pass
    with pytest.raises(StageError, match=r"cannot be reached \(Connection refused\); check"):
        download_url(f"{address}/cnmc.zip?key={SECRET}", tmp_path / "cnmc.zip")


@pytest.mark.parametrize("url", [f"http://me:{SECRET}@:bad/x", f"http://{SECRET}?@:80:80/x"])
def test_a_malformed_url_shows_no_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(StageError, match="cannot be reached") as caught:
        download_url(url, tmp_path / "cnmc.zip")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("total", [2, 4])
def test_another_length_than_promised_is_refused(tmp_path: Path, total: int) -> None:
    with pytest.raises(StageError, match=f"^source: 3 bytes arrived, expected {total}"):
        write_chunks([b"12", b"3"], tmp_path / "file", name="source", total=total)


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
