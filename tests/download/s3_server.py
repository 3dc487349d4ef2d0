"""A real S3 server on 127.0.0.1 (moto's), and a line to it that can break."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import boto3
import pytest
import requests
import s3fs
from moto.server import ThreadedMotoServer

from tests.download.http_server import Answer, Request, serving

BUCKET = "cells"


@dataclass
class S3:
    """A bucket, as the stage reaches it.

    Attributes:
        server: address of the S3 server.
        breaks_at: offset in an object at which every connection breaks; None for never.
        starts: the offsets that were asked for.
    """

    server: str
    breaks_at: int | None = None
    starts: list[int] = field(default_factory=list)

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=content)

    def put_in_parts(self, name: str, parts: list[bytes]) -> None:
        """Upload in parts: the ETag is then no MD5 of the content."""
        where = {"Bucket": BUCKET, "Key": name}
        upload = self.client.create_multipart_upload(**where)["UploadId"]
        done = []
        for number, part in enumerate(parts, start=1):
            answer = self.client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)
            done.append({"ETag": answer["ETag"], "PartNumber": number})
        self.client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": done}
        )

    @property
    def client(self):
        return boto3.client("s3", endpoint_url=self.server)

    def answer(self, request: Request) -> Answer:
        """Pass a request on to the S3 server, and its answer back as far as the line holds."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                request.method,
                f"{self.server}{request.path}",
                headers=dict(request.headers),
                data=request.body,
                timeout=10,
            )
        headers = {name: value for name, value in answer.headers.items() if name != "Connection"}
        sent = None
        if request.method == "GET" and "Range" in request.headers:
            start = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0])
            self.starts.append(start)
            sent = None if self.breaks_at is None else max(0, self.breaks_at - start)
        return Answer(answer.status_code, answer.content, headers, sent=sent)


@contextlib.contextmanager
def emulated_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """Send the S3 clients of this process to a server of their own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(logging.getLogger("werkzeug"), "disabled", True)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        s3 = S3(f"http://{host}:{port}")
        s3.client.create_bucket(Bucket=BUCKET)
        s3fs.S3FileSystem.clear_instance_cache()  # one of them may know an earlier server
        with serving(s3.answer) as address:
            monkeypatch.setenv("AWS_ENDPOINT_URL", address)
            yield s3
    finally:
        server.stop()
