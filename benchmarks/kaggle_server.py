"""Serve a file of any size from Kaggle's emulator, in pieces from disk, and count the bytes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.download.http_server import Request, Storage
from tests.download.kaggle_emulator import Kaggle

PIECE = 1 << 16
"""Bytes sent at a time."""


@dataclass
class Sending:
    """An answer with bytes of the file: its begin, its start offset, and the bytes sent.

    Sent bytes may still be in a buffer of the system when the client dies.
    """

    began: float
    start: int
    sent: int = 0


class KaggleServer:
    """Serves `archive` as version 2 of Kaggle's dataset, and at `url` to everyone.

    Attributes:
        address: of the server, as a proxy.
        rate: maximum bytes per second; None for no limit.
        sendings: the answers since the list was last emptied.
    """

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.size = archive.stat().st_size
        self.rate: float | None = None
        self.sendings: list[Sending] = []
        self.kaggle = Kaggle()
        with archive.open("rb") as file:
            self._md5 = hashlib.file_digest(file, "md5").digest()
        self.address = ""

    def url(self, *, checksum: bool) -> str:
        """Return the address of the file, without or with a checksum in the answer's headers."""
        return f"{self.address}/archive.zip?{'x-goog-hash' if checksum else 'none'}"

    def headers(self, *, start: int, checksum: bool) -> dict[str, str]:
        """Return the headers of a correct answer."""
        headers = {"Content-Length": str(self.size - start), "ETag": f'"{self._md5.hex()}"'}
        if checksum:
            headers["x-goog-hash"] = f"md5={base64.b64encode(self._md5).decode()}"
        if start:
            headers["Content-Range"] = f"bytes {start}-{self.size - 1}/{self.size}"
        return headers

    def send(self, connection: int, start: int) -> None:
        """Send the file from an offset on, until the end or until the client disconnects."""
        sending = Sending(time.perf_counter(), start)
        self.sendings.append(sending)
        with self.archive.open("rb") as file, contextlib.suppress(ConnectionError):
            while start + sending.sent < self.size:
                sending.sent += os.sendfile(connection, file.fileno(), start + sending.sent, PIECE)
                if self.rate:
                    time.sleep(PIECE / self.rate)


@contextlib.contextmanager
def serving(archive: Path) -> Iterator[KaggleServer]:
    """Serve an archive on 127.0.0.1 while the block runs."""
    server = KaggleServer(archive)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as listening:
        server.address = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def _handler(server: KaggleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = server.kaggle.answer(self._request(body))
            self._start(answer.status, {"Content-Length": "0", **answer.headers})

        def do_GET(self) -> None:
            headers = server.headers(start=0, checksum=not self.path.endswith("?none"))
            start = Storage.start(self._request(b""))
            if self.headers.get("If-Range") != headers["ETag"]:
                start = 0
            checksum = "x-goog-hash" in headers
            self._start(206 if start else 200, server.headers(start=start, checksum=checksum))
            server.send(self.connection.fileno(), start)

        def _request(self, body: bytes) -> Request:
            return Request(self.command, self.path, dict(self.headers), body)

        def _start(self, status: int, headers: dict[str, str | None]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, str(value))
            self.end_headers()

    return Handler
