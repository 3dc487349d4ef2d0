from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.download.kaggle import kaggle_origin
from stages.download.transfer import transfer
from tests.conftest import ROOT
from tests.download.conftest import QUICK
from tests.download.http_server import Answer, broken, flipped, refused
from tests.download.kaggle_emulator import SIGNATURE, Kaggle, emulated_kaggle, refusal

HANDLE = "andrewmvd/leukemia-classification/versions/2"
CONTENT = bytes(range(256)) * 4000
SECRET = "0123456789abcdef-secret"
HOMELESS = """\
import pwd
pwd.getpwuid = lambda number: {}[number]
from stages.common.errors import StageError
from stages.download.kaggle import signed_address
try:
    signed_address("a/b/versions/1")
except StageError as error:
    print(error)
"""


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kaggle]:
    with emulated_kaggle(monkeypatch, str(tmp_path / "home")) as emulator:
        emulator.content = CONTENT
        yield emulator


def fetch(folder: Path, handle: str = HANDLE) -> bytes:
    origin = kaggle_origin(handle, retry_policy=QUICK)
    transfer(
        origin, folder / "cnmc.zip", state=folder / "state", verify=Path.stat, retry_policy=QUICK
    )
    return (folder / "cnmc.zip").read_bytes()


def failure(folder: Path, handle: str = HANDLE) -> str:
    with pytest.raises(StageError) as caught:
        fetch(folder, handle)
    message = str(caught.value)
    assert "\n" not in message
    assert SIGNATURE not in message
    assert SECRET not in message
    assert not (folder / "cnmc.zip").exists()
    return message


def test_the_archive_arrives_byte_for_byte(kaggle: Kaggle, tmp_path: Path) -> None:
    assert fetch(tmp_path) == CONTENT
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
    fetch(tmp_path)
    api, storage = kaggle.requests
    assert api.headers.get("Authorization") == expected
    assert "Authorization" not in storage.headers


def test_the_same_address_is_used_while_it_works(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage.faults = [broken(0.3), broken(0.6)]
    assert fetch(tmp_path) == CONTENT
    assert [request.method for request in kaggle.requests] == ["POST", "GET", "GET", "GET"]


def test_an_expired_address_is_replaced_and_no_byte_lost(kaggle: Kaggle, tmp_path: Path) -> None:
    def expires(storage: object, request: object) -> Answer:
        kaggle.expired = 1
        return broken(0.5)(storage, request)  # type: ignore[arg-type]

    kaggle.storage.faults = [expires]
    assert fetch(tmp_path) == CONTENT
    assert [request.method for request in kaggle.requests] == ["POST", "GET", "GET", "POST", "GET"]
    assert kaggle.storage.starts == [0, len(CONTENT) // 2, len(CONTENT) // 2]


def test_an_unknown_version_says_what_to_check(kaggle: Kaggle, tmp_path: Path) -> None:
    message = failure(tmp_path, "andrewmvd/leukemia-classification/versions/9")
    assert "versions/9: the server answered 404 Not Found" in message
    assert "download.kaggle_dataset" in message
    assert len(kaggle.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice", "tries"),
    [
        (401, "KAGGLE_API_TOKEN", 1),
        (403, "KAGGLE_API_TOKEN", 1),
        (429, "wait some minutes", 3),
        (500, "server is at fault", 3),
        (503, "server is at fault", 3),
    ],
)
@pytest.mark.parametrize("where", ["api", "storage"])
def test_a_refusal_says_what_to_do(
    kaggle: Kaggle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    advice: str,
    tries: int,
    where: str,
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    if where == "api":
        kaggle.api_always = refusal(status)
    else:
        kaggle.storage.always = refused(status)
    message = failure(tmp_path)
    assert f"Kaggle dataset {HANDLE}: the server answered {status}" in message
    assert advice in message
    asked = [
        request for request in kaggle.requests if (request.method == "POST") == (where == "api")
    ]
    assert len(asked) == tries


def test_a_passing_fault_of_the_api_passes(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.api = [refusal(429, Retry_After="0"), refusal(500)]
    assert fetch(tmp_path) == CONTENT


def test_other_bytes_than_announced_are_refused(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage.always = flipped
    assert "as the server says; nothing of it is kept" in failure(tmp_path)


def test_bytes_without_a_checksum_are_taken(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.storage.headers = {"x-goog-hash": "crc32c=n03x6A=="}
    assert fetch(tmp_path) == CONTENT


def test_silence_of_the_api_ends_in_an_error(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.api_always = Answer(status=0, stalls=True)
    assert "the server did not answer in time; given up after 3 tries" in failure(tmp_path)


def test_an_api_without_a_redirect_is_told(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.api_always = Answer(200, CONTENT, {"Content-Type": "application/zip"})
    assert "Kaggle named no address to fetch it from; set download.source" in failure(tmp_path)


@pytest.mark.usefixtures("kaggle")
def test_no_connection_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        message = failure(tmp_path)
    assert "cannot be reached (Connection refused); check" in message


@pytest.mark.usefixtures("kaggle")
@pytest.mark.parametrize("content", ["not JSON", f'{{"username": "{SECRET}"}}'])
def test_a_bad_credentials_file_is_named(tmp_path: Path, content: str) -> None:
    credentials = tmp_path / "home/kaggle.json"
    credentials.parent.mkdir()
    credentials.write_text(content)
    message = failure(tmp_path)
    assert str(credentials) in message
    assert "mend the file or remove it" in message


def test_a_user_without_a_home_is_told_and_needs_none_for_other_sources() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == (
        "Kaggle's client looks for the home of this user (Could not determine home directory.); "
        "let the environment variable HOME name a folder\n"
    ), done.stderr
