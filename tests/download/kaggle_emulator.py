"""As much of Kaggle as a dataset download needs, on 127.0.0.1, reached by Kaggle's own client.

DownloadDataset answers 302 to a signed address in Google's storage; the client follows it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from tests.download.http_server import Answer, Request, serving

SIGNATURE = "4f9c5b1e-signature"
_METHOD = "/api/v1/datasets.DatasetApiService/DownloadDataset"
_STORAGE = "http://storage.example/kaggle-data-sets"


@dataclass
class Kaggle:
    """What the emulator holds, how it misbehaves, and what it was asked.

    Attributes:
        content: the zip of andrewmvd/leukemia-classification/versions/2.
        api: what the API answers instead of its redirect.
        storage: fields of the storage's answer that differ from the right ones.
    """

    content: bytes = b""
    api: Answer | None = None
    storage: dict[str, object] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.method == "POST":
            return self.api or self._redirect(request)
        md5 = base64.b64encode(hashlib.md5(self.content).digest()).decode()
        headers = {
            "Content-Type": "application/zip",
            "ETag": f'"{hashlib.md5(self.content).hexdigest()}"',
            "x-goog-hash": f"crc32c=n03x6A==,md5={md5}",
        }
        return replace(Answer(200, self.content, headers), **self.storage)

    def _redirect(self, request: Request) -> Answer:
        wanted = json.loads(request.body)
        known = {
            "ownerSlug": "andrewmvd",
            "datasetSlug": "leukemia-classification",
            "datasetVersionNumber": 2,
        }
        if not request.path.endswith(_METHOD) or wanted | known != wanted:
            return refusal(404)
        location = f"{_STORAGE}/archive.zip?X-Goog-Signature={SIGNATURE}"
        return Answer(302, headers={"Location": location})


def refusal(status: int) -> Answer:
    """An error as the API words it, with the address and the credentials it was asked with."""
    body = json.dumps({"code": status, "message": f"no: {SIGNATURE}"}).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


@contextlib.contextmanager
def emulated_kaggle(monkeypatch: pytest.MonkeyPatch, home: str) -> Iterator[Kaggle]:
    """Send the client of this process, with no credentials from `home`, to an emulator."""
    kaggle = Kaggle()
    with serving(kaggle.answer) as address:
        for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", home)
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        yield kaggle
