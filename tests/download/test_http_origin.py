from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from stages.common.errors import StageError
from stages.download.http_origin import HttpOrigin, http_origin
from stages.download.origin import Body, FileVersion, InterruptionError
from tests.download.conftest import QUICK
from tests.download.http_server import Answer, Request, broken, refused, serving, storing

pytestmark = pytest.mark.integration

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT)
SECRET = "s3cr3t"


UNKNOWN = FileVersion()


def read(
    origin: HttpOrigin, *, start: int = 0, version: FileVersion = UNKNOWN
) -> tuple[Body, bytes]:
    with origin.read(start, version) as body:
        return body, b"".join(body.chunks)


def secret_address(address: str) -> str:
    return f"{address.replace('//', f'//me:{SECRET}@')}/data/cnmc.zip?signature={SECRET}"


def failure(answer: Answer) -> str:
    """Ask for what a server answers, at an address with secrets in it."""
    with serving(lambda _: answer) as address:
        origin = http_origin(secret_address(address), retry_policy=QUICK)
        with pytest.raises((StageError, InterruptionError)) as caught:
            read(origin)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    if isinstance(caught.value, StageError):
        assert message.startswith(f"{address}/data/cnmc.zip: ")
    return message


def test_an_address_has_a_name_without_secrets_that_outlives_its_signature() -> None:
    origin = http_origin(f"https://me:{SECRET}@host/a.zip?signature={SECRET}")
    assert origin.name == origin.identity == "https://host/a.zip"


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, FileVersion(len(CONTENT))),
        ({"Content-Length": None}, FileVersion()),
        ({"ETag": '"abc"'}, FileVersion(len(CONTENT), '"abc"')),
        ({"ETag": 'W/"abc"'}, FileVersion(len(CONTENT))),
        ({"ETag": "abc"}, FileVersion(len(CONTENT))),
        (
            {"x-goog-hash": f"crc32c=n03x6A==, md5={base64.b64encode(MD5.digest()).decode()}"},
            FileVersion(len(CONTENT), md5=MD5.hexdigest()),
        ),
        ({"x-goog-hash": "crc32c=n03x6A=="}, FileVersion(len(CONTENT))),
        ({"x-goog-hash": "md5=?"}, FileVersion(len(CONTENT))),
    ],
)
def test_a_body_comes_with_what_the_server_says_of_it(
    headers: Mapping[str, str | None], version: FileVersion
) -> None:
    requests_made: list[Request] = []

    def answer(request: Request) -> Answer:
        requests_made.append(request)
        return Answer(200, CONTENT, headers)

    with serving(answer) as address:
        body, content = read(http_origin(secret_address(address)))
    assert (body.start, body.version, content) == (0, version, CONTENT)
    (request,) = requests_made
    assert request.path == f"/data/cnmc.zip?signature={SECRET}"
    assert request.headers["Accept-Encoding"] == "identity"
    assert "Range" not in request.headers


def test_a_range_comes_with_where_it_starts() -> None:
    with storing(CONTENT) as (storage, address):
        etag = f'"{MD5.hexdigest()}"'
        body, content = read(http_origin(address), start=1000, version=FileVersion(validator=etag))
    assert (body.start, content) == (1000, CONTENT[1000:])
    assert body.version == FileVersion(len(CONTENT), etag, MD5.hexdigest())
    assert storage.requests[0].headers["If-Range"] == etag


def test_a_range_of_unknown_total_is_one() -> None:
    answer = Answer(206, CONTENT[5:], {"Content-Range": f"bytes 5-{len(CONTENT) - 1}/*"})
    with serving(lambda _: answer) as address:
        body, _ = read(http_origin(address), start=5, version=FileVersion(validator='"a"'))
    assert (body.start, body.version.size) == (5, None)


@pytest.mark.parametrize("answer", [Answer(204), Answer(206, b"a"), Answer(304)])
def test_an_answer_that_is_no_file_is_told(answer: Answer) -> None:
    assert "; expected 200 and the file, or 206 and a range of it" in failure(answer)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_address_that_no_longer_works_is_signed_anew(status: int) -> None:
    signatures = iter(["one", "two"])
    with storing(CONTENT) as (storage, address):
        origin = HttpOrigin("it", "it", lambda: f"{address}/?{next(signatures)}")
        storage.faults = [broken(1), refused(status)]
        read(origin)
        body, _ = read(origin, start=5, version=FileVersion(validator=f'"{MD5.hexdigest()}"'))
    assert body.start == 5
    assert [request.path for request in storage.requests] == ["/?one", "/?one", "/?two"]


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "check the address"),
        (401, "needs credentials"),
        (403, "signed address may have expired: give a fresh one"),
        (404, "check the address"),
        (407, "HTTPS_PROXY"),
        (429, "wait some minutes"),
        (500, "server is at fault"),
        (599, "server is at fault"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, advice: str) -> None:
    message = failure(Answer(status, b"<html>no</html>"))
    assert f"the server answered {status}" in message
    assert advice in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=0, stalls=True), "the server did not answer in time"),
        (Answer(200, CONTENT, sent=1000, stalls=True), "no byte came for 60 s"),
        (Answer(200, CONTENT, sent=1000), r"the connection broke off (closed early)"),
        (Answer(200, CONTENT, sent=0, resets=True), "Connection reset by peer"),
    ],
)
def test_a_broken_connection_is_told(answer: Answer, said: str) -> None:
    assert said in failure(answer)


def test_no_server_is_told_in_one_line() -> None:
    with serving(lambda _: Answer()) as address:
        pass
    with pytest.raises(InterruptionError, match=r"cannot be reached \(Connection refused\); check"):
        read(http_origin(secret_address(address)))


@pytest.mark.parametrize("url", [f"http://me:{SECRET}@:bad/x", f"http://{SECRET}?@:80:80/x"])
def test_a_malformed_url_shows_no_secret(url: str) -> None:
    with pytest.raises((StageError, InterruptionError), match="cannot be reached") as caught:
        read(http_origin(url))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_credentials_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(lambda _: Answer(407)) as address:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, address.replace("//", f"//me:{SECRET}@"))
        with pytest.raises(StageError, match=r"407.*HTTPS_PROXY") as caught:
            read(http_origin(f"{scheme}://storage.example/cnmc.zip"))
    assert SECRET not in str(caught.value)
