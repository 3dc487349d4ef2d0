"""A classifier's page in a real browser, used as people use it: by its inputs and buttons."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.export.page.browser_runtime import (
    INSTALL,
    BrowserRuntime,
    RuntimeMissingError,
    read_runtime,
    runtime_folder,
)
from stages.export.page.page_builder import render_page
from tests.browser import opened

ENDED = "#progress[data-state=finished], #progress[data-state=failed]"
MINUTE = 60_000


def installed_runtime() -> BrowserRuntime:
    """Return the runtime of this environment; the test skips where it is not installed."""
    try:
        return read_runtime(runtime_folder())
    except RuntimeMissingError as error:
        pytest.skip(f"{error}: {INSTALL}")


def write_page(path: Path, model: bytes) -> Path:
    path.write_text(render_page(model, installed_runtime()), encoding="utf-8", newline="\n")
    return path


class DrivenPage:
    """A page that is open in a tab without a network."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.tab = opened(browser, path, watch=self._watch, **options)

    def _watch(self, tab: Any) -> None:
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("dialog", lambda box: (self.complaints.append(box.message), box.dismiss()))

    def choose(self, *files: Path | dict[str, Any], chooser: str = "#files") -> None:
        self.tab.set_input_files(chooser, list(files))

    def drop(self, *paths: Path) -> None:
        """Drop files and folders on the page, as from a file manager."""
        session = self.tab.context.new_cdp_session(self.tab)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 300, "y": 300, "data": data}
            session.send("Input.dispatchDragEvent", event)

    def wait(self) -> None:
        self.tab.wait_for_selector(ENDED, timeout=2 * MINUTE)

    def classify(self, *files: Path | dict[str, Any]) -> list[dict[str, str]]:
        """Choose files, wait for their answers, and return the rows of the CSV."""
        self.choose(*files)
        self.wait()
        return self.saved()

    def saved(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.saved_text())))

    def saved_text(self) -> str:
        with self.tab.expect_download() as download:
            self.tab.click("#save")
        return Path(download.value.path()).read_text(encoding="utf-8")

    def progress(self) -> str:
        text: str = self.tab.inner_text("#progress p")
        return text

    def column(self, name: str) -> Sequence[str]:
        texts: list[str] = self.tab.locator(f"tbody [data-column={name}]").all_inner_texts()
        return [" ".join(text.split()) for text in texts]

    def close(self) -> None:
        self.tab.context.close()
