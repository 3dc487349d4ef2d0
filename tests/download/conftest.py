"""What all tests of the download stage share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3 import Retry

from stages.download.origin import RetryPolicy
from tests.download.stalled_sockets import stalls_time_out

QUICK = RetryPolicy(retries=Retry(total=2, backoff_factor=0))
"""The shipped retry_policy, with fewer tries and no pause between them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.download)


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of partial files, and no proxy on the way to 127.0.0.1."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("DOWNLOAD_STATE_DIR", str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture(autouse=True)
def _stalls_time_out() -> Iterator[None]:
    with stalls_time_out():
        yield
