from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.download import kaggle as kaggle_module
from stages.download.kaggle import download_dataset
from stages.errors import StageError
from tests.download.http_server import Answer
from tests.download.kaggle_emulator import SIGNATURE, Kaggle, emulated_kaggle, refusal

HANDLE = "andrewmvd/leukemia-classification/versions/2"
CONTENT = bytes(range(256)) * 20_000
SECRET = "0123456789abcdef-secret"


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kaggle]:
    with emulated_kaggle(monkeypatch, str(tmp_path / "home")) as emulator:
        emulator.content = CONTENT
        yield emulator


def failure(destination: Path, handle: str = HANDLE) -> str:
    with pytest.raises(StageError) as caught:
        download_dataset(handle, destination)
    message = str(caught.value)
    assert "\n" not in message
    assert SIGNATURE not in message
    assert SECRET not in message
    return message


def test_the_archive_arrives_byte_for_byte(kaggle: Kaggle, tmp_path: Path) -> None:
    download_dataset(HANDLE, tmp_path / "cnmc.zip")
    assert (tmp_path / "cnmc.zip").read_bytes() == CONTENT
    assert [request.method for request in kaggle.requests] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"KAGGLE_API_TOKEN": SECRET}, f"Bearer {SECRET}"),
        ({"KAGGLE_USERNAME": "me", "KAGGLE_KEY": "key"}, "Basic bWU6a2V5"),
    ],
)
def test_credentials_go_to_kaggle_and_not_to_the_storage(
    kaggle: Kaggle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    expected: str | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    download_dataset(HANDLE, tmp_path / "cnmc.zip")
    api, storage = kaggle.requests
    assert api.headers.get("Authorization") == expected
    assert "Authorization" not in storage.headers


def test_an_unknown_version_says_what_to_check(kaggle: Kaggle, tmp_path: Path) -> None:
    message = failure(tmp_path / "cnmc.zip", "andrewmvd/leukemia-classification/versions/9")
    assert "versions/9: the server answered 404 Not Found" in message
    assert "download.kaggle_dataset" in message
    assert len(kaggle.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "KAGGLE_API_TOKEN"),
        (403, "KAGGLE_API_TOKEN"),
        (429, "wait some minutes"),
        (500, "server is at fault"),
        (503, "server is at fault"),
    ],
)
@pytest.mark.parametrize("where", ["api", "storage"])
def test_a_refusal_says_what_to_do(
    kaggle: Kaggle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    advice: str,
    where: str,
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    if where == "api":
        kaggle.api = refusal(status)
    else:
        body = f"<Error>{SIGNATURE}</Error>".encode() * 100_000
        kaggle.storage = {"status": status, "body": body, "headers": {}}
    message = failure(tmp_path / "cnmc.zip")
    assert f"Kaggle dataset {HANDLE}: the server answered {status}" in message
    assert advice in message


def test_other_bytes_than_announced_are_refused(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage = {"body": CONTENT[:-1] + b"\0"}
    assert "not those that the server announced" in failure(tmp_path / "cnmc.zip")


def test_bytes_without_a_checksum_are_taken(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage = {"headers": {"x-goog-hash": "crc32c=n03x6A=="}}
    download_dataset(HANDLE, tmp_path / "cnmc.zip")
    assert (tmp_path / "cnmc.zip").read_bytes() == CONTENT


def test_a_short_body_is_refused(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage = {"sent": len(CONTENT) // 3}
    assert "the transfer broke off" in failure(tmp_path / "cnmc.zip")


@pytest.mark.parametrize("where", ["api", "storage", "body"])
def test_silence_ends_in_an_error(
    kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(kaggle_module, "TIMEOUT", (0.2, 0.2))
    if where == "api":
        kaggle.api = Answer(status=0, stalls=True)
    else:
        status = 0 if where == "storage" else 200
        kaggle.storage = {"status": status, "sent": len(CONTENT) // 3, "stalls": True}
    message = failure(tmp_path / "cnmc.zip")
    assert ("broke off" if where == "body" else "cannot be reached (ReadTimeout)") in message


@pytest.mark.usefixtures("kaggle")
def test_no_connection_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        message = failure(tmp_path / "cnmc.zip")
    assert "cannot be reached (Connection refused); check" in message


@pytest.mark.usefixtures("kaggle")
@pytest.mark.parametrize("content", ["not JSON", f'{{"username": "{SECRET}"}}'])
def test_a_bad_credentials_file_is_named(tmp_path: Path, content: str) -> None:
    credentials = tmp_path / "home/kaggle.json"
    credentials.parent.mkdir()
    credentials.write_text(content)
    message = failure(tmp_path / "cnmc.zip")
    assert str(credentials) in message
    assert "mend the file or remove it" in message
