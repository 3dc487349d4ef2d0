from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from urllib3 import Retry

from stages.common.errors import StageError
from stages.download.fsspec_origin import FsspecOrigin
from stages.download.http_errors import public_url
from stages.download.origin import RetryPolicy
from stages.download.transfer import Checksum, transfer
from tests.download.conftest import QUICK
from tests.download.s3_server import BUCKET, S3, emulated_s3

CONTENT = random.Random(2).randbytes(12_000_000)  # more than one request of s3fs
OTHER = bytes(reversed(CONTENT))
SECRET = "s3cr3t"
URL = f"s3://{BUCKET}/data/cnmc.zip"
Put = Callable[[str, bytes], None]


ONE_TRY = replace(QUICK, retries=Retry(total=0))  # s3fs tries five times itself


def fetch(
    url: str, folder: Path, checksums: tuple[Checksum, ...] = (), retry_policy: RetryPolicy = QUICK
) -> bytes:
    destination = folder / "cnmc.zip"
    destination.unlink(missing_ok=True)
    transfer(
        FsspecOrigin(url, public_url(url)),
        destination,
        state=folder / "state",
        verify=Path.stat,
        checksums=checksums,
        retry_policy=retry_policy,
    )
    return destination.read_bytes()


def failure(
    url: str, folder: Path, checksums: tuple[Checksum, ...] = (), retry_policy: RetryPolicy = QUICK
) -> str:
    with pytest.raises(StageError) as caught:
        fetch(url, folder, checksums, retry_policy)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert not (folder / "cnmc.zip").exists()
    return message


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with emulated_s3(monkeypatch) as server:
        yield server


def test_an_object_comes_from_a_bucket_byte_for_byte(s3: S3, tmp_path: Path) -> None:
    s3.put("data/cnmc.zip", CONTENT)
    assert fetch(URL, tmp_path) == CONTENT


def test_the_etag_of_an_object_in_parts_is_not_taken_for_an_md5(s3: S3, tmp_path: Path) -> None:
    s3.put_in_parts("data/cnmc.zip", [CONTENT[:6_000_000], CONTENT[6_000_000:]])
    assert fetch(URL, tmp_path) == CONTENT


def test_a_broken_line_to_a_bucket_is_told_and_the_next_run_goes_on(s3: S3, tmp_path: Path) -> None:
    s3.put("data/cnmc.zip", CONTENT)
    s3.breaks_at = 10_000_000
    message = failure(URL, tmp_path, retry_policy=ONE_TRY)
    kept = sum(path.stat().st_size for path in (tmp_path / "state").glob("*.part"))
    assert 8_000_000 <= kept <= 10_000_000
    assert message.startswith(f"{URL}: it cannot be read (")
    assert f"; {kept:,} bytes are kept, and the next run goes on from there" in message
    s3.breaks_at, s3.starts = None, []
    assert fetch(URL, tmp_path) == CONTENT
    assert min(s3.starts) == kept


def test_an_object_that_changed_between_two_runs_is_fetched_anew(s3: S3, tmp_path: Path) -> None:
    s3.put("data/cnmc.zip", CONTENT)
    s3.breaks_at = 10_000_000
    failure(URL, tmp_path, retry_policy=ONE_TRY)
    s3.put("data/cnmc.zip", OTHER)
    s3.breaks_at = None
    assert fetch(URL, tmp_path, retry_policy=ONE_TRY) == OTHER


def test_a_missing_object_or_bucket_is_told_at_once(s3: S3, tmp_path: Path) -> None:
    s3.put("data/cnmc.zip", CONTENT)
    for url in (f"s3://{BUCKET}/other.zip", "s3://elsewhere/cnmc.zip", f"s3://{BUCKET}/data"):
        message = failure(url, tmp_path)
        assert message.startswith(f"{url} cannot be read (")
        assert message.endswith("; check the address, your credentials for it, and the network")


def test_a_checksum_that_is_given_is_held_against_a_bucket(s3: S3, tmp_path: Path) -> None:
    s3.put("data/cnmc.zip", CONTENT)
    right = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest(), "as download.sha256 says")
    assert fetch(URL, tmp_path, (right,)) == CONTENT
    wrong = Checksum("sha256", "0" * 64, "as download.sha256 says")
    assert f"SHA256 is {right.digits}, expected {'0' * 64}" in failure(URL, tmp_path, (wrong,))


@pytest.fixture
def put() -> Put:
    """Put a file into fsspec's memory, which stands for any remote storage."""
    MemoryFileSystem.store.clear()
    return lambda path, content: fsspec.filesystem("memory").pipe(path, content)


def test_any_storage_of_fsspec_will_do(tmp_path: Path, put: Put) -> None:
    put("/data/cnmc.zip", CONTENT)
    assert fetch("memory://data/cnmc.zip", tmp_path) == CONTENT
    (tmp_path / "original.zip").write_bytes(OTHER)
    assert fetch(f"file://{tmp_path}/original.zip", tmp_path) == OTHER


def test_a_change_while_it_is_read_starts_anew(
    tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = fsspec.implementations.memory.MemoryFile.read
    changes = iter([True])

    def change_meanwhile(file: object, size: int = -1) -> bytes:
        if next(changes, False):
            put("/data/cnmc.zip", OTHER)
        content: bytes = read(file, size)
        return content

    put("/data/cnmc.zip", CONTENT)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", change_meanwhile)
    assert fetch("memory://data/cnmc.zip", tmp_path) == OTHER


def test_a_storage_that_breaks_off_is_told_in_one_line(
    tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object, __: int = -1) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer", SECRET)

    put("/data/cnmc.zip", CONTENT)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", broken)
    message = failure("memory://data/cnmc.zip", tmp_path)
    assert "it cannot be read (Connection reset by peer); given up after 3 tries" in message


@pytest.mark.parametrize("name", ["NoCredentialsError", "ClientAuthenticationError"])
def test_missing_credentials_are_told_at_once(
    tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise type(name, (Exception,), {})(SECRET)

    put("/data/cnmc.zip", CONTENT)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", refuse)
    expected = rf"cannot be read ({name}); check the address, your credentials for it"
    assert expected in failure("memory://data/cnmc.zip", tmp_path)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("gs://bucket/a.zip", "dvc-gs"),
        ("az://bucket/a.zip", "dvc-azure"),
        ("abfs://bucket/a.zip", "dvc-azure"),
        ("ssh://host/a.zip", "dvc-ssh"),
        ("sftp://host/a.zip", "dvc-ssh"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, url: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sshfs", None)  # DVC's tests need it
    message = failure(url, tmp_path)
    assert message == (
        f"{url} cannot be opened without another package; install it: "
        f"`.venv/bin/pip install {package}`"
    )


def test_an_unknown_scheme_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    message = failure(f"foo://me:{SECRET}@bucket/a.zip", tmp_path)
    assert message.startswith("foo://bucket/a.zip begins with a scheme that is not known; ")
    assert "http, https, s3, gs, az, ssh, sftp" in message
