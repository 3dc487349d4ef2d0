"""Serve S3 on 127.0.0.1 (with moto), and count requests and bytes."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "bucket"
PIECE = 1 << 16
"""Bytes sent at a time."""


@dataclass
class Traffic:
    """Number of requests, and bytes of the bodies received and sent."""

    requests: int = 0
    received: int = 0
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def add(self, *, requests: int = 0, received: int = 0, sent: int = 0) -> None:
        """Count more; several threads may do so at once."""
        with self._lock:
            self.requests += requests
            self.received += received
            self.sent += sent

    @property
    def moved(self) -> int:
        """Bytes received and sent."""
        return self.received + self.sent


@contextlib.contextmanager
def counted_s3() -> Iterator[tuple[str, Traffic]]:
    """Serve a bucket, BUCKET, while the block runs; yields the address and the count."""
    logging.getLogger("werkzeug").disabled = True
    traffic = Traffic()
    application = _counting(DomainDispatcherApplication(create_backend_app), traffic)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        client(address).create_bucket(Bucket=BUCKET)
        yield address, traffic
    finally:
        server.shutdown()
        thread.join()


def client(address: str) -> Any:
    """Return a client of the server."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)


def _counting(application: Callable[..., Iterable[bytes]], traffic: Traffic) -> Callable[..., Any]:
    def counting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        answer = b"".join(application(environ, start_response))
        traffic.add(requests=1, received=int(environ.get("CONTENT_LENGTH") or 0))
        # s3fs requests a large object, disconnects, and requests its parts. Count sent bytes only.
        length = 0 if environ["REQUEST_METHOD"] == "HEAD" else len(answer)
        for start in range(0, length, PIECE):
            yield answer[start : start + PIECE]
            traffic.add(sent=min(PIECE, length - start))

    return counting
