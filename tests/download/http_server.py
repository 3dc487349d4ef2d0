"""A web server on 127.0.0.1 that answers as a test says, and a storage that knows ranges."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import re
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.download.stalled_sockets import tell_client


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
    resets: bool = False  # then resets the connection instead of closing it
    goes_on: threading.Event | None = None  # then waits for this, and sends the rest


@contextlib.contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Serve while the block runs; yields `http://127.0.0.1:<port>`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def storing(content: bytes) -> Iterator[tuple[Storage, str]]:
    """Serve a storage while the block runs; yields it and its address."""
    storage = Storage(content)
    with serving(storage.answer) as address:
        yield storage, address


@dataclass
class Storage:
    """A storage that holds one file, and misbehaves as it is told.

    Attributes:
        content: the file.
        headers: what the right answers have beside or instead of their own headers.
        faults: what happens instead of the right answers, in turn.
        always: what happens after those; None for right answers.
        requests: what was asked.
    """

    content: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else self.always
        return fault(self, request) if fault else self.right(request)

    def right(self, request: Request) -> Answer:
        digest = hashlib.md5(self.content)
        headers = {
            "ETag": f'"{digest.hexdigest()}"',
            "x-goog-hash": f"crc32c=n03x6A==,md5={base64.b64encode(digest.digest()).decode()}",
            **self.headers,
        }
        start = self.start(request)
        if start and request.headers.get("If-Range") == headers["ETag"]:
            size = len(self.content)
            if start >= size:
                return Answer(416)
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
            return Answer(206, self.content[start:], headers)
        return Answer(200, self.content, headers)

    @staticmethod
    def start(request: Request) -> int:
        """The offset that is asked for."""
        match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        return int(match[1]) if match else 0

    @property
    def starts(self) -> list[int]:
        """The offsets that were asked for."""
        return [self.start(request) for request in self.requests]


Fault = Callable[[Storage, Request], Answer]


def broken(
    share: float,
    *,
    stalls: bool = False,
    resets: bool = False,
    goes_on: threading.Event | None = None,
) -> Fault:
    """A connection that ends, stalls or is reset where that share of the file is through."""

    def fault(storage: Storage, request: Request) -> Answer:
        answer = storage.right(request)
        sent = max(0, int(len(storage.content) * share) - storage.start(request))
        return replace(answer, sent=sent, stalls=stalls, resets=resets, goes_on=goes_on)

    return fault


def refused(status: int, **headers: str) -> Fault:
    """An error that talks too much: its text holds the address."""

    def fault(_: Storage, request: Request) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, f"<Error>{request.path}</Error>".encode() * 1000, named)

    return fault


def flipped(storage: Storage, request: Request) -> Answer:
    """One bit is wrong, in the middle of what is asked for."""
    answer = storage.right(request)
    body = bytearray(answer.body)
    body[len(body) // 2] ^= 1
    return replace(answer, body=bytes(body))


def without_range(storage: Storage, request: Request) -> Answer:
    """Ranges are ignored."""
    return storage.right(replace(request, headers={}))


def _wait_until_arrived(connection: socket.socket) -> None:
    """Wait until the other side has all that was sent, if it has not read it yet."""
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
        time.sleep(0.001)


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
                    _wait_until_arrived(self.connection)
                    tell_client(self.client_address[1])
                    self.connection.recv(1)
            if reply.resets:
                _wait_until_arrived(self.connection)
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()

        do_POST = do_HEAD = do_PUT = do_CONNECT = do_GET  # noqa: N815

        def _send(self, reply: Answer) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Length": len(reply.body), **reply.headers}.items():
                if value is not None:
                    self.send_header(name, str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[: reply.sent])
                if reply.goes_on is not None:
                    reply.goes_on.wait()
                    self.wfile.write(reply.body[reply.sent :])

    return Handler
