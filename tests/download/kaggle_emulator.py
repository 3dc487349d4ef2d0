"""As much of Kaggle as a dataset download needs, on 127.0.0.1, reached by Kaggle's own client.

DownloadDataset answers 302 to a signed address in Google's storage.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.download.http_server import Answer, Request, Storage, serving

SIGNATURE = "4f9c5b1e-signature"
_METHOD = "/api/v1/datasets.DatasetApiService/DownloadDataset"
_STORAGE = "http://storage.example/kaggle-data-sets"


@dataclass
class Kaggle:
    """What the emulator holds, how it misbehaves, and what it was asked.

    Attributes:
        address: of the emulator, as a proxy.
        storage: where the zip of andrewmvd/leukemia-classification/versions/2 lies.
        api: what the API answers first, in turn, instead of its redirect.
        api_always: what it answers after those; None for its redirect.
        expired: addresses with up to so many signatures are refused: the first has number 1.
        requests: what API and storage were asked.
    """

    address: str = ""
    storage: Storage = field(default_factory=Storage)
    api: list[Answer] = field(default_factory=list)
    api_always: Answer | None = None
    expired: int = 0
    requests: list[Request] = field(default_factory=list)
    _signatures: int = 0

    @property
    def content(self) -> bytes:
        return self.storage.content

    @content.setter
    def content(self, content: bytes) -> None:
        self.storage.content = content

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.method == "POST":
            if self.api:
                return self.api.pop(0)
            return self.api_always or self._redirect(request)
        if int(request.path.rpartition("-")[2]) <= self.expired:
            self.storage.requests.append(request)
            return refusal(403)
        return self.storage.answer(request)

    def _redirect(self, request: Request) -> Answer:
        wanted = json.loads(request.body)
        known = {
            "ownerSlug": "andrewmvd",
            "datasetSlug": "leukemia-classification",
            "datasetVersionNumber": 2,
        }
        if not request.path.endswith(_METHOD) or wanted | known != wanted:
            return refusal(404)
        self._signatures += 1
        signature = f"{SIGNATURE}-{self._signatures}"
        location = f"{_STORAGE}/archive.zip?X-Goog-Signature={signature}"
        return Answer(302, headers={"Location": location})


def refusal(status: int, **headers: str) -> Answer:
    """An error as the API words it, with what it was asked with."""
    body = json.dumps({"code": status, "message": f"no: {SIGNATURE}"}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, {"Content-Type": "application/json", **named})


@contextlib.contextmanager
def emulated_kaggle(monkeypatch: pytest.MonkeyPatch, home: str) -> Iterator[Kaggle]:
    """Send the client of this process, with no credentials from `home`, to an emulator."""
    kaggle = Kaggle()
    with serving(kaggle.answer) as kaggle.address:
        for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", home)
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setenv("HTTP_PROXY", kaggle.address)
        monkeypatch.setenv("http_proxy", kaggle.address)
        yield kaggle
