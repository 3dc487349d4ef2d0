"""A folder behind a web server on 127.0.0.1 that takes PUT, as a DVC remote needs it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Line:
    """The line to the server.

    Attributes:
        holds_for: how many files it still takes before it breaks for good; None for all.
    """

    holds_for: int | None = None


@contextlib.contextmanager
def serving_folder(folder: Path, *, credentials: str, line: Line) -> Iterator[str]:
    """Serve while the block runs, to whoever sends these credentials; yields the address."""
    known = {"folder": folder, "credentials": credentials, "line": line}
    handler = type("Handler", (_Handler,), known)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    credentials: str
    line: Line

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # DVC hangs up when it has seen enough
            super().handle()

    def do_GET(self) -> None:
        if not self._known():
            return
        try:
            content = self._path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            self._answer(404)
        else:
            self._answer(200, content)

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        content = self._content()
        if self.line.holds_for is not None:
            self.line.holds_for -= 1
        if not self._known():
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        arriving = self._path.with_name(f"{self._path.name}.{threading.get_ident()}")
        arriving.write_bytes(content)
        arriving.rename(self._path)
        self._answer(201)

    @property
    def _path(self) -> Path:
        return self.folder / self.path.lstrip("/")

    def _known(self) -> bool:
        """Whether to go on: the line holds, and the client is known."""
        if (self.line.holds_for or 0) < 0:
            self.close_connection = True
            return False
        known = self.headers.get("Authorization") == f"Basic {self.credentials}"
        if not known:
            self._answer(401)
        return known

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
