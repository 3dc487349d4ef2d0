"""A web server on 127.0.0.1 that answers as a test says."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # absolute, with host, where the server is asked as a proxy
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200  # 0 for no answer at all
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)  # None leaves one out
    sent: int | None = None  # bytes of the body that are really sent; None for all
    stalls: bool = False  # then waits, instead of closing, until the client has gone


@contextlib.contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Serve while the block runs; yields `http://127.0.0.1:<port>`."""
    with HTTPServer(("127.0.0.1", 0), _handler(answer)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = answer(Request(self.command, self.path, dict(self.headers), body))
            with contextlib.suppress(ConnectionError):  # the client may have gone
                if reply.status:
                    self._send(reply)
                if reply.stalls:
                    self.connection.recv(1)

        do_POST = do_GET  # noqa: N815

        def _send(self, reply: Answer) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Length": len(reply.body), **reply.headers}.items():
                if value is not None:
                    self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(reply.body[: reply.sent])

    return Handler
