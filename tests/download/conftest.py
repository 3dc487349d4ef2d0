"""What all tests of the download stage share."""

from __future__ import annotations

from pathlib import Path

import pytest
from urllib3 import Retry

from stages.download.origin import RetryPolicy

QUICK = RetryPolicy(connect=0.5, read=0.5, retries=Retry(total=2, backoff_factor=0))
"""The shipped retry_policy in everything but time."""


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
