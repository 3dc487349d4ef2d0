"""What can go wrong between Kaggle and data/raw, and with what outcome.

`python -m tests.download.faults` writes docs/faults-download.md. test_faults.py plays each fault to
the stage and compares the outcome with the one in the table.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import DEFAULT_BUFFER_SIZE
from pathlib import Path
from typing import TYPE_CHECKING

from tests.download.archive_faults import FAULTS
from tests.download.external_faults import FAULTS_OF_EXTERNAL_SETS
from tests.download.http_server import (
    Answer,
    Fault,
    Request,
    Storage,
    broken,
    flipped,
    refused,
    without_range,
)
from tests.download.kaggle_emulator import refusal
from tests.download.weights_faults import FAULTS_OF_TRAINED_MODELS, FAULTS_OF_WEIGHTS

if TYPE_CHECKING:
    from tests.download.scene import Scene

DOCUMENT = Path(__file__).parents[2] / "docs/faults-download.md"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        fault: what goes wrong.
        play: brings it about, and returns the outcome.
        outcome: the expected one.
    """

    fault: str
    play: Callable[[Scene], str]
    outcome: str


def storage(*faults: Fault, always: Fault | None = None, **parameters: object) -> Callable:
    """The storage has these faults, in turn, and then for ever that one."""

    def play(scene: Scene) -> str:
        scene.kaggle.storage.faults = list(faults)
        scene.kaggle.storage.always = always
        return scene.run(**parameters)

    return play


def api(*answers: Answer, always: Answer | None = None) -> Callable:
    """Kaggle's API answers this, in turn, and then for ever that."""

    def play(scene: Scene) -> str:
        scene.kaggle.api = list(answers)
        scene.kaggle.api_always = always
        return scene.run()

    return play


def other_file(storage: Storage, request: Request) -> Answer:
    storage.content = storage.content + b"\0\0"
    return storage.right(request)


def without_if_range(storage: Storage, request: Request) -> Answer:
    storage.content = bytes(reversed(storage.content))
    etag = str(storage.right(request).headers["ETag"])
    answer = storage.right(replace(request, headers={**request.headers, "If-Range": etag}))
    storage.content = bytes(reversed(storage.content))
    return answer


def expired(scene: Scene) -> str:
    def half_and_then_expired(storage: Storage, request: Request) -> Answer:
        scene.kaggle.expired = 1
        return broken(0.5)(storage, request)

    scene.kaggle.storage.faults = [half_and_then_expired]
    return scene.run()


def ranges_forbidden(storage: Storage, request: Request) -> Answer:
    return refused(403)(storage, request) if storage.start(request) else storage.right(request)


def rotten(scene: Scene) -> str:
    scene.kaggle.storage.always = broken(0.5)
    scene.run()
    (part,) = scene.state.glob("*.part")
    part.write_bytes(bytes(len(scene.kaggle.content)))
    scene.kaggle.storage.always = None
    return scene.run()


def again(*faults: Fault) -> Callable:
    """The stage has ended well and is run again; DVC removes its outputs before."""

    def play(scene: Scene) -> str:
        scene.run()
        shutil.rmtree(scene.folder / "data/raw")
        scene.kaggle.storage.faults = list(faults)
        return scene.run()

    return play


def two_runs(scene: Scene) -> str:
    goes_on = threading.Event()
    scene.kaggle.storage.faults = [broken(0.5, goes_on=goes_on)]
    first = scene.start()
    scene.wait_for_bytes(0.5, first)
    second = scene.run()
    goes_on.set()
    assert first.wait() == 0
    return f"the second at once {second}; the first: {scene.right_bytes()}"


def killed(share: float) -> Callable:
    def play(scene: Scene) -> str:
        scene.kaggle.storage.faults = [broken(share, stalls=True)]
        first = scene.start()
        scene.wait_for_bytes(share, first)
        first.send_signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        scene.assert_no_outputs()
        outcome = scene.run()
        again = int(len(scene.kaggle.content) * share) - scene.kaggle.storage.starts[-1]
        assert 0 <= again < DEFAULT_BUFFER_SIZE
        return f"{outcome}, less than 8 KiB of it a second time"

    return play


def small_disk(*, told: bool) -> Callable:
    """The disk of the partial file is too small; `told`: the server says how long the file is."""

    def play(scene: Scene) -> str:
        if not told:
            scene.kaggle.storage.headers = {"Content-Length": None}
        with scene.small_state():
            outcome = scene.run()
            subprocess.run(["mount", "-o", "remount,size=64m", scene.state], check=True)
            scene.kaggle.storage.headers = {}
            return f"{outcome}; with more room, the next run: {scene.run()}"

    return play


def proxy(address: str) -> Callable:
    def play(scene: Scene) -> str:
        for name in ("HTTP_PROXY", "http_proxy"):
            scene.monkeypatch.setenv(name, address)
        return scene.run()

    return play


def proxy_refuses(scene: Scene) -> str:
    scene.kaggle.api_always = Answer(407)
    return scene.run()


def wrong_sha256(scene: Scene) -> str:
    return scene.run(sha256="0" * 64)


KAGGLE = "Kaggle dataset …"
GIVEN_UP = "given up after 3 tries without a new byte"
SIGN_IN = (
    "give Kaggle your API token (https://www.kaggle.com/settings) in KAGGLE_API_TOKEN or "
    "~/.kaggle/access_token, or set download.source to a path or URL of the archive"
)
WRONG_MD5 = "MD5 is …, expected … as the server says"

ROWS = [
    Row("none", storage(), "right bytes (requests: all)"),
    Row(
        "body cut short",
        storage(broken(0.3), broken(0.6)),
        "right bytes (requests: all, the rest, the rest)",
    ),
    Row(
        "body cut short at the same place, always",
        storage(broken(0.5), always=broken(0.5)),
        f"error: {KAGGLE}: the connection broke off (closed early); {GIVEN_UP}; … bytes are kept, "
        "and the next run goes on from there",
    ),
    Row(
        "connection reset",
        storage(broken(0.5, resets=True)),
        "right bytes (requests: all, the rest)",
    ),
    Row(
        "stalled socket",
        storage(broken(0.5, stalls=True)),
        "right bytes (requests: all, the rest)",
    ),
    Row(
        "stalled socket, always",
        storage(always=broken(0, stalls=True)),
        f"error: {KAGGLE}: no byte came for 60 s; {GIVEN_UP}",
    ),
    Row(
        "403 on Range: the signature has expired",
        expired,
        "right bytes (requests: all, the rest, the rest; 2 to Kaggle's API)",
    ),
    Row(
        "403 on Range, always",
        storage(broken(0.5), always=ranges_forbidden),
        "right bytes (requests: all, the rest, the rest, all; 2 to Kaggle's API)",
    ),
    Row(
        "Range ignored",
        storage(broken(0.5), without_range),
        "right bytes (requests: all, the rest)",
    ),
    Row(
        "object changed between two requests",
        storage(broken(0.5), other_file),
        "right bytes, of the new object (requests: all, the rest)",
    ),
    Row(
        "the same, and If-Range ignored",
        storage(broken(0.5), without_if_range),
        "right bytes (requests: all, the rest, all)",
    ),
    Row("one byte flipped, once", storage(flipped), "right bytes (requests: all, all)"),
    Row(
        "one byte flipped, always",
        storage(always=flipped),
        f"error: {KAGGLE}: {WRONG_MD5}; nothing of it is kept",
    ),
    Row(
        "other bytes than download.sha256",
        wrong_sha256,
        f"error: {KAGGLE}: SHA256 is …, expected … as download.sha256 says; nothing of it is kept",
    ),
    Row(
        "429 with Retry-After, once",
        storage(refused(429, Retry_After="1")),
        "right bytes (requests: all, all)",
    ),
    Row("500, once", storage(refused(500)), "right bytes (requests: all, all)"),
    Row(
        "500, always",
        storage(always=refused(500)),
        f"error: {KAGGLE}: the server answered 500 Internal Server Error; the server is at fault: "
        f"try again later; {GIVEN_UP}",
    ),
    Row(
        "404 at the storage",
        storage(always=refused(404)),
        f"error: {KAGGLE}: the server answered 404 Not Found; check download.kaggle_dataset: "
        "owner/name/versions/number",
    ),
    Row(
        "404 at the API",
        api(always=refusal(404)),
        f"error: {KAGGLE}: the server answered 404 Not Found; check download.kaggle_dataset: "
        "owner/name/versions/number",
    ),
    Row(
        "401 at the API",
        api(always=refusal(401)),
        f"error: {KAGGLE}: the server answered 401 Unauthorized; {SIGN_IN}",
    ),
    Row(
        "403 at the API",
        api(always=refusal(403)),
        f"error: {KAGGLE}: the server answered 403 Forbidden; {SIGN_IN}",
    ),
    Row(
        "429 with Retry-After and 500 at the API, once",
        api(refusal(429, Retry_After="1"), refusal(500)),
        "right bytes (requests: all; 3 to Kaggle's API)",
    ),
    Row(
        "stalled API, always",
        api(always=Answer(status=0, stalls=True)),
        f"error: {KAGGLE}: the server did not answer in time; {GIVEN_UP}",
    ),
    Row(
        "rotten partial file of full size",
        rotten,
        "right bytes (requests: its last byte, all)",
    ),
    *(
        Row(
            f"kill -9 at {share:.0%}, then a new run",
            killed(share),
            "right bytes (requests: the rest), less than 8 KiB of it a second time",
        )
        for share in (0.1, 0.5, 0.99)
    ),
    Row(
        "disk too small",
        small_disk(told=True),
        f"error: {KAGGLE}: … bytes are needed in …, … are free; make room, or let "
        "DOWNLOAD_STATE_DIR name a folder on another disk for the partial file; with more room, "
        "the next run: right bytes (requests: all)",
    ),
    Row(
        "disk full on the way",
        small_disk(told=False),
        "error: …: No space left on device (… bytes are free there); make room and run this "
        "again: what has arrived is kept; with more room, the next run: right bytes (requests: the "
        "rest)",
    ),
    Row(
        "the stage runs again, for other parameters or code",
        again(),
        "right bytes (requests: its last byte)",
    ),
    Row(
        "the same, and the object has gone",
        again(refused(404)),
        "right bytes (requests: its last byte)",
    ),
    Row(
        "the same, and there is another object",
        again(other_file),
        "right bytes, of the new object (requests: the rest, all)",
    ),
    Row(
        "two runs at once",
        two_runs,
        f"the second at once error: {KAGGLE}: another run is fetching it (it holds …); wait until "
        "that one has ended, or stop it, then run this again; the first: right bytes",
    ),
    Row(
        "no proxy where HTTP_PROXY points",
        proxy("http://127.0.0.1:9"),
        f"error: {KAGGLE}: it cannot be reached (Connection refused); check the address, the "
        f"network, and HTTP_PROXY and HTTPS_PROXY if you need a proxy; {GIVEN_UP}",
    ),
    Row(
        "the proxy wants credentials",
        proxy_refuses,
        f"error: {KAGGLE}: the server answered 407 Proxy Authentication Required; give the proxy's "
        "credentials in HTTPS_PROXY",
    ),
]


def render() -> str:
    """The document."""
    lines = [
        "# Faults of the download and their outcomes",
        "",
        "What can go wrong on the way from Kaggle to `data/raw`. `python -m tests.download.faults` "
        "writes",
        "this page. `pytest -m download` plays each fault to the stage, against Kaggle's own "
        "client and",
        "servers on 127.0.0.1, and checks the outcome against this table.",
        "",
        "Whatever the outcome, no wrong byte is in `data/raw`. After an error there is nothing new "
        "in it.",
        "",
        "In the tests the stage tries 3 times, and a stalled server counts as the 60 s that it "
        "waits for a",
        "byte. In use it tries 9 times (3 times where no server is found and nothing has arrived), "
        "and each",
        "new byte starts the count anew. In brackets stands what the stage requested, in order: "
        "all of the",
        "file, the rest of it, or its last byte, and how often it requested an address from "
        "Kaggle's API,",
        "where that was more than once. `…` stands for a name, a number, a path or a checksum.",
        "",
        "| fault | outcome |",
        "| --- | --- |",
        *(f"| {row.fault} | {row.outcome} |" for row in ROWS),
        "",
        "## Faults of an archive or a folder",
        "",
        "`tests/download/test_archive_faults.py` gives each of these to the stage. Each ends in an "
        "error of one",
        "line that names the source and holds these words, and leaves nothing in `data/raw`.",
        "",
        "| fault | words of the error |",
        "| --- | --- |",
        *(f"| {fault.name} | {fault.told} |" for fault in FAULTS),
        "",
        "## Faults of the list of external test sets",
        "",
        "`tests/download/test_external.py` gives each of these to the stage as "
        "`download.external`. Each ends",
        "in an error of one line with these words, and leaves nothing in `data/raw`. *There* is "
        "the entry of",
        "the set that the line names. A picture that the training set has, too, is refused by the "
        "stage split.",
        "",
        "| fault | words of the error |",
        "| --- | --- |",
        *(f"| {fault} | {told} |" for fault, _, told in FAULTS_OF_EXTERNAL_SETS),
        "",
        "## Faults of the ImageNet weights",
        "",
        "`tests/download/test_weights.py` gives each of these to the stage. Each error goes on "
        "with the folder",
        "to put the file into, and with what else `download.weights` may be.",
        "",
        "| fault | words of the error |",
        "| --- | --- |",
        *(f"| {fault} | {told} |" for fault, _, told in FAULTS_OF_WEIGHTS),
        "",
        "The same for a trained model (see [Training](training.md#go-on-from-a-trained-model)):",
        "",
        "| fault | the error starts with |",
        "| --- | --- |",
        *(f"| {fault} | {told} |" for fault, _, told in FAULTS_OF_TRAINED_MODELS),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
