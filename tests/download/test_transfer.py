from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from io import DEFAULT_BUFFER_SIZE
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from urllib3 import Retry

from stages.common.errors import StageError
from stages.dataset.archive import FaultyArchiveError
from stages.download.http_origin import http_origin
from stages.download.origin import Body, FileVersion, InterruptionError, RetryPolicy
from stages.download.transfer import Checksum, sha256_in_params, transfer, wrong_checksum
from tests.download.conftest import QUICK
from tests.download.http_server import (
    Answer,
    Request,
    Storage,
    broken,
    flipped,
    refused,
    storing,
    without_range,
)

CONTENT = random.Random(1).randbytes(1_500_000)
SHA256 = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest(), "as download.sha256 says")


class Download:
    """One address and one folder for partial files; each `run` is a new run of the stage."""

    def __init__(self, storage: Storage, address: str, folder: Path) -> None:
        self.storage = storage
        self.url = f"{address}/cnmc.zip"
        self.state = folder / "state"
        self.destination = folder / "cnmc.zip"

    def run(self, **options: Any) -> bytes:
        self.destination.unlink(missing_ok=True)
        options = {"retry_policy": QUICK, "verify": Path.stat, **options}
        transfer(
            http_origin(self.url, retry_policy=QUICK), self.destination, state=self.state, **options
        )
        assert not list(self.state.glob("*.part"))
        return self.destination.read_bytes()

    def fail(self, **options: Any) -> str:
        with pytest.raises(StageError) as caught:
            self.run(**options)
        assert not self.destination.exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    @property
    def kept(self) -> int:
        return sum(path.stat().st_size for path in self.state.glob("*.part"))


@pytest.fixture
def download(tmp_path: Path) -> Iterator[Download]:
    with storing(CONTENT) as (storage, address):
        yield Download(storage, address, tmp_path)


def test_a_file_arrives_byte_for_byte_with_one_request(download: Download) -> None:
    assert download.run() == CONTENT
    assert download.storage.starts == [0]


@pytest.mark.parametrize("ending", [{}, {"resets": True}, {"stalls": True}])
def test_a_broken_connection_costs_only_what_was_lost_on_it(
    download: Download, ending: dict[str, bool]
) -> None:
    download.storage.faults = [broken(0.3, **ending), broken(0.6, **ending)]
    assert download.run() == CONTENT
    first, second, third = download.storage.starts
    assert first == 0 < second < third < len(CONTENT)
    assert ending == {"resets": True} or third > 0.6 * len(CONTENT) - DEFAULT_BUFFER_SIZE
    assert download.storage.requests[1].headers["If-Range"].startswith('"')


def test_each_new_byte_renews_the_patience(download: Download) -> None:
    for share in range(1, 10):
        download.storage.faults += [broken(share / 10), refused(503), refused(503)]
    assert download.run() == CONTENT


def test_patience_ends_without_a_new_byte_and_the_next_run_goes_on(download: Download) -> None:
    download.storage.always = broken(0.5)
    message = download.fail()
    assert message == (
        f"{download.url}: the connection broke off (closed early); given up after 3 tries without "
        "a new byte; 750,000 bytes are kept, and the next run goes on from there"
    )
    assert len(download.storage.requests) == 4
    download.storage.always = None
    assert download.run() == CONTENT
    assert download.storage.starts[-1] == 750_000


def test_another_signature_goes_on_with_the_same_file(download: Download) -> None:
    address = download.url
    download.url = f"{address}?signature=old"
    download.storage.faults = [broken(0.5), refused(403), refused(403), refused(403)]
    assert "signed address may have expired: give a fresh one" in download.fail()
    assert download.kept == 750_000
    download.url = f"{address}?signature=new"
    assert download.run() == CONTENT
    assert download.storage.starts[-1] == 750_000


def test_a_file_is_verified_before_it_is_handed_over(download: Download) -> None:
    def verify(path: Path) -> None:
        assert path.read_bytes() == CONTENT
        assert not download.destination.exists()

    assert download.run(verify=verify) == CONTENT


@pytest.mark.parametrize(
    ("refusal", "starts"),
    [(FaultyArchiveError("bad"), [0]), (StageError("unwanted"), [len(CONTENT) - 1])],
)
def test_what_is_refused_is_kept_unless_it_is_faulty(
    download: Download, refusal: StageError, starts: list[int]
) -> None:
    def refuse(_: Path) -> None:
        raise refusal

    assert download.fail(verify=refuse) == str(refusal)
    assert download.storage.starts == [0]  # with a checksum to vouch for it, not asked for twice
    download.storage.requests.clear()
    assert download.run() == CONTENT
    assert download.storage.starts == starts


def test_what_is_faulty_and_has_no_checksum_is_fetched_once_more(download: Download) -> None:
    def refuse(_: Path) -> None:
        raise FaultyArchiveError("not a zip")

    def refuse_once(_: Path) -> None:
        if len(download.storage.requests) == 1:
            refuse(_)

    download.storage.headers = {"x-goog-hash": None}
    assert download.run(verify=refuse_once) == CONTENT
    assert download.storage.starts == [0, 0]
    assert download.fail(verify=refuse) == "not a zip"
    assert download.storage.starts == [0, 0, len(CONTENT) - 1, 0, 0]


def test_a_date_of_change_serves_as_validator_where_there_is_no_etag(download: Download) -> None:
    download.storage.headers = {"ETag": None, "Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}
    download.storage.faults = [broken(0.5)]
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 750_000]
    assert download.storage.requests[1].headers["If-Range"] == "Mon, 02 Mar 2026 10:00:00 GMT"


def test_a_run_that_is_stopped_while_it_verifies_keeps_the_file(download: Download) -> None:
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.run(verify=stop)
    assert not download.destination.exists()
    download.storage.requests.clear()
    assert download.run() == CONTENT
    assert download.storage.starts == [len(CONTENT) - 1]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_etag_every_try_starts_anew(download: Download, etag: str | None) -> None:
    download.storage.headers = {"ETag": etag}
    download.storage.faults = [broken(0.5)]
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 0]


def test_starting_anew_is_no_new_byte(download: Download) -> None:
    download.storage.headers = {"ETag": None}
    download.storage.always = broken(0.5)
    assert "given up after 3 tries without a new byte" in download.fail()
    assert len(download.storage.requests) == 4


def test_a_server_that_ignores_ranges_sends_all_again(download: Download) -> None:
    download.storage.faults = [broken(0.5)]
    download.storage.always = without_range
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 750_000]


OTHER = bytes(reversed(CONTENT))


def changed(storage: Storage, request: Request) -> Answer:
    storage.content = OTHER
    return storage.right(request)


def changed_in_spite_of_if_range(storage: Storage, request: Request) -> Answer:
    """A server that knows Range, but not If-Range."""
    storage.content = OTHER
    etag = storage.right(request).headers["ETag"]
    return storage.right(replace(request, headers={**request.headers, "If-Range": str(etag)}))


@pytest.mark.parametrize("change", [changed, changed_in_spite_of_if_range])
@pytest.mark.parametrize("announced", [True, False])
def test_bytes_of_two_editions_are_never_joined(
    download: Download, change: Any, *, announced: bool
) -> None:
    if not announced:
        download.storage.headers = {"x-goog-hash": None}
    download.storage.faults = [broken(0.5), change]
    assert download.run() == OTHER


def test_a_change_between_two_runs_starts_anew(download: Download) -> None:
    download.storage.always = broken(0.5)
    download.fail()
    download.storage.content, download.storage.always = OTHER, None
    assert download.run() == OTHER


def test_a_wrong_checksum_is_forgiven_once(download: Download) -> None:
    download.storage.faults = [flipped]
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 0]


def test_a_wrong_checksum_is_not_forgiven_twice_and_nothing_is_kept(download: Download) -> None:
    download.storage.always = flipped
    message = download.fail()
    assert f"expected {hashlib.md5(CONTENT).hexdigest()} as the server says" in message
    assert message.endswith("as the server says; nothing of it is kept")
    assert download.kept == 0
    assert len(download.storage.requests) == 2


def test_a_checksum_that_is_given_is_held_against_a_server_that_gives_none(
    download: Download,
) -> None:
    download.storage.headers = {"x-goog-hash": None}
    download.storage.faults = [flipped]
    assert download.run(checksums=[SHA256]) == CONTENT
    shutil.rmtree(download.state / "kept")
    download.storage.always = flipped
    assert f"expected {SHA256.digits} as download.sha256" in download.fail(checksums=[SHA256])
    download.storage.always = None
    wrong = Checksum("sha256", "0" * 64, "as download.sha256 says")
    assert download.fail(checksums=[wrong]).startswith(
        f"{download.url}: SHA256 is {SHA256.digits}, expected {'0' * 64} as download.sha256 says"
    )


def kept_files(download: Download) -> list[str]:
    return [path.name for path in (download.state / "kept").iterdir() if not path.suffix]


def test_what_has_been_verified_is_found_again_for_one_byte(download: Download) -> None:
    assert download.run() == CONTENT
    assert kept_files(download) == [SHA256.digits]
    assert download.run() == CONTENT
    assert download.storage.starts == [0, len(CONTENT) - 1]


def test_what_a_checksum_names_is_found_again_from_any_address(download: Download) -> None:
    assert download.run() == CONTENT
    download.url = download.url.replace("cnmc", "other")
    assert download.run(checksums=[SHA256]) == CONTENT
    assert download.storage.starts == [0]


@pytest.mark.parametrize("status", [404, 503])
def test_what_has_been_verified_is_taken_where_the_server_is_gone(
    download: Download, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    assert download.run() == CONTENT
    download.storage.always = refused(status)
    assert download.run() == CONTENT
    told = f"Taken instead: what came from there before (SHA-256 {SHA256.digits})\n"
    assert capsys.readouterr().err.endswith(told)


def test_another_edition_is_fetched_and_kept_instead(download: Download) -> None:
    assert download.run() == CONTENT
    download.storage.content = OTHER
    assert download.run() == OTHER
    assert kept_files(download) == [hashlib.sha256(OTHER).hexdigest()]


def test_without_a_strong_etag_it_is_fetched_again(download: Download) -> None:
    download.storage.headers = {"ETag": None}
    assert download.run() == CONTENT
    download.storage.content = OTHER
    assert download.run() == OTHER


def test_what_has_been_kept_and_has_changed_is_fetched_again(download: Download) -> None:
    assert download.run() == CONTENT
    (download.state / "kept" / SHA256.digits).write_bytes(bytes(len(CONTENT)))
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 0]


def test_what_a_later_check_finds_faulty_is_fetched_again(download: Download) -> None:
    assert download.run() == CONTENT

    def refuse_what_is_kept(path: Path) -> None:
        if path.parent.name == "kept":
            raise FaultyArchiveError("no zip")

    assert download.run(verify=refuse_what_is_kept) == CONTENT
    assert download.storage.starts == [0, len(CONTENT) - 1, 0]


def test_where_there_is_little_room_nothing_is_kept(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.download.kept_file._ROOM", 10**12)
    assert download.run() == CONTENT
    assert kept_files(download) == []


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 10, len(CONTENT) // 2])
def test_a_rotten_partial_file_is_found_and_replaced(download: Download, size: int) -> None:
    download.storage.always = broken(0.7)
    download.fail()
    (part,) = download.state.glob("*.part")
    part.write_bytes(bytes(size))
    download.storage.always = None
    assert download.run() == CONTENT


def test_a_full_partial_file_costs_one_byte_more(download: Download) -> None:
    download.storage.always = broken(0.7)
    download.fail()
    (part,) = download.state.glob("*.part")
    part.write_bytes(CONTENT)
    download.storage.always = None
    assert download.run() == CONTENT
    assert download.storage.starts[-1] == len(CONTENT) - 1


def test_what_a_server_asks_to_wait_is_waited(download: Download) -> None:
    download.storage.faults = [refused(429, Retry_After="1")]
    started = time.monotonic()
    assert download.run() == CONTENT
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("wish", ["86400", "Tue, 31 Dec 2999 23:59:59 GMT", "soon", "-1"])
def test_an_unreasonable_wish_is_not_followed(
    download: Download, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    retry_policy = replace(QUICK, retries=Retry(total=2, retry_after_max=0))
    download.storage.faults = [refused(503, Retry_After=wish)]
    assert download.run(retry_policy=retry_policy) == CONTENT
    assert pauses == [0]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_passes(download: Download, status: int) -> None:
    download.storage.faults = [refused(status), broken(0.5), refused(status)]
    assert download.run() == CONTENT


def test_a_lasting_fault_is_told(download: Download) -> None:
    download.storage.always = refused(500)
    assert download.fail() == (
        f"{download.url}: the server answered 500 Internal Server Error; the server is at fault: "
        "try again later; given up after 3 tries without a new byte"
    )
    assert len(download.storage.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_final_answer_is_asked_for_once(download: Download, status: int) -> None:
    download.storage.always = refused(status)
    assert f"the server answered {status}" in download.fail()
    assert len(download.storage.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 416])
def test_where_ranges_are_refused_the_whole_is_asked_for(download: Download, status: int) -> None:
    def ranges_refused(storage: Storage, request: Request) -> Answer:
        right = storage.right(request)
        return replace(right, status=status) if storage.start(request) else right

    download.storage.faults = [broken(0.5)]
    download.storage.always = ranges_refused
    assert download.run() == CONTENT


def test_another_range_than_asked_for_is_not_taken(download: Download) -> None:
    def shifted(storage: Storage, request: Request) -> Answer:
        start = storage.start(request)
        asked = {**request.headers, "Range": f"bytes={start + 1}-"}
        return storage.right(replace(request, headers=asked) if start else request)

    download.storage.faults = [broken(0.5)]
    download.storage.always = shifted
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 750_000, 0]


def test_a_range_in_pieces_is_put_together(download: Download) -> None:
    def piece(storage: Storage, request: Request) -> Answer:
        right = storage.right(request)
        return replace(right, body=right.body[:400_000]) if right.status == 206 else right

    download.storage.faults = [broken(0.2)]
    download.storage.always = piece
    assert download.run() == CONTENT
    assert download.storage.starts == [0, 300_000, 700_000, 1_100_000]


def test_where_no_length_is_told_the_end_is_the_end(download: Download) -> None:
    download.storage.headers = {"Content-Length": None}
    assert download.run() == CONTENT


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_room_is_looked_for_before_the_first_byte(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, 1_499_999))
    assert download.fail() == (
        f"{download.url}: 1,500,000 bytes are needed in {download.state}, 1,499,999 are free; "
        "make room, or let DOWNLOAD_STATE_DIR name a folder on another disk for the partial file"
    )
    assert download.kept == 0


def test_only_what_is_still_missing_needs_room(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    download.storage.always = broken(0.5)
    download.fail()
    download.storage.always = None
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, 750_000))
    assert download.run() == CONTENT


def test_what_goes_on_is_told_in_lines(
    download: Download, capsys: pytest.CaptureFixture[str]
) -> None:
    download.storage.faults = [broken(0.5)]
    download.run()
    said = capsys.readouterr().err
    assert "\r" not in said
    lines = said.splitlines()
    assert lines[0].startswith("Transferring:   0%|")
    assert (
        lines[2] == f"{download.url}: the connection broke off (closed early). Trying again in 0 s"
    )
    assert lines[3].startswith("Transferring:  50%|")
    assert " 1.50M/1.50M [" in lines[-1]
    assert "B/s]" in lines[-1]


def test_an_empty_file_is_a_file(download: Download) -> None:
    download.storage.content = b""
    assert download.run() == b""


def test_a_checksum_in_params_is_optional() -> None:
    assert sha256_in_params(None) == []
    assert sha256_in_params(SHA256.digits) == [SHA256]


def test_all_checksums_are_held_against_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    md5 = Checksum("md5", "1" * 32, "as the server says")
    assert wrong_checksum(path, [SHA256]) is None
    assert wrong_checksum(path, [SHA256, md5]) == (
        f"MD5 is {hashlib.md5(CONTENT).hexdigest()}, expected {'1' * 32} as the server says"
    )


def test_where_no_server_is_found_patience_ends_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = RetryPolicy(retries=Retry(total=8, backoff_factor=0))

    def fail(url: str) -> str:
        with pytest.raises(StageError) as caught:
            transfer(
                http_origin(url, retry_policy=patient),
                tmp_path / "file",
                state=tmp_path / "state",
                verify=lambda _: None,
                retry_policy=patient,
            )
        return str(caught.value)

    assert "given up after 3 tries" in fail("http://no-such-host.invalid/file")
    assert "given up after 9 tries" in fail("http://127.0.0.1:9/file")  # may only have restarted
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://no-such-host.invalid:3128")
    assert "given up after 3 tries" in fail("http://127.0.0.1:9/file")


def test_where_a_file_has_begun_to_arrive_a_network_that_goes_is_waited_for(
    download: Download, tmp_path: Path
) -> None:
    patient = RetryPolicy(retries=Retry(total=8, backoff_factor=0))
    origin = http_origin(download.url, retry_policy=patient)
    download.storage.faults = [broken(0.5)]

    class Flapping:
        """The same server, which is not found five times after the first half."""

        name, identity, lost = origin.name, origin.identity, 0

        def read(self, start: int, version: FileVersion) -> AbstractContextManager[Body]:
            if start and self.lost < 5:
                self.lost += 1
                raise InterruptionError("it cannot be reached", offline=True)
            return origin.read(start, version)

    transfer(
        Flapping(),
        tmp_path / "file",
        state=tmp_path / "state",
        verify=Path.stat,
        retry_policy=patient,
    )
    assert (tmp_path / "file").read_bytes() == CONTENT
