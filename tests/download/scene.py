"""The download stage against Kaggle's emulator, as the faults are played to it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import DEFAULT_BUFFER_SIZE
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common.errors import StageError
from stages.download import bring_set
from stages.download.archive_source import fetch_archive
from stages.download.params import DownloadParams
from tests.conftest import ROOT
from tests.download.conftest import QUICK
from tests.download.http_server import Storage
from tests.download.kaggle_emulator import SIGNATURE, Kaggle
from tests.download.stage import PARAMS, run_download

SOURCE = {"source": "kaggle", "accept_unknown_archive": True}  # a tiny archive, not C-NMC 2019


@dataclass
class Scene:
    """A folder in which the stage runs, and the emulator that it runs against.

    Attributes:
        state: the folder of partial files.
    """

    kaggle: Kaggle
    folder: Path
    state: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, **changes: Any) -> str:
        """Run the stage in this process, with little retry_policy; return the outcome."""
        params = dataclasses.replace(PARAMS.section(DownloadParams), **{**SOURCE, **changes})
        original = self.kaggle.content
        self._forget_requests()
        fetch = partial(fetch_archive, retry_policy=QUICK)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bring_set, "fetch_archive", fetch)
            try:
                run_download(params, self.folder)
            except StageError as error:
                return self._error(str(error))
        new = ", of the new object" if self.kaggle.content != original else ""
        return f"{self.right_bytes()}{new} ({self._requests()})"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the stage as DVC does, in a process of its own."""
        content = yaml.safe_load((ROOT / "params.yaml").read_text())
        content["profiles"][content["profile"]]["download"] |= SOURCE
        (self.folder / "params.yaml").write_text(yaml.safe_dump(content))
        arguments = [
            "--archive=data/raw/cnmc.zip",
            "--external=data/raw/external",
            "--keras-home=data/raw/keras_home",
            "--report=metrics/download.json",
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "stages.download", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_for_bytes(self, share: float, stage: subprocess.Popen[bytes]) -> None:
        """Wait until that share of the file has come to a stage, but for what a buffer holds."""
        expected = int(len(self.kaggle.content) * share) - DEFAULT_BUFFER_SIZE
        while sum(path.stat().st_size for path in self.state.glob("*.part")) < expected:
            assert stage.poll() is None, f"the stage has ended before {expected:,} bytes were here"
            time.sleep(0.01)

    def right_bytes(self) -> str:
        """Say that the bytes are right. Raises AssertionError if they are not."""
        assert (self.folder / "data/raw/cnmc.zip").read_bytes() == self.kaggle.content
        assert (self.folder / "metrics/download.json").exists()
        assert {path.suffix for path in self.state.iterdir() if path.is_file()} == {".lock"}
        return "right bytes"

    def assert_no_outputs(self) -> None:
        for output in ("data/raw/cnmc.zip", "data/raw/keras_home", "metrics/download.json"):
            assert not (self.folder / output).exists()

    @contextlib.contextmanager
    def small_state(self) -> Iterator[None]:
        """Put the folder of partial files on a disk of 1 MiB."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(self.state)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no small disk without the right to mount one: {mounted.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run(["umount", str(self.state)], check=True)

    def _error(self, message: str) -> str:
        self.assert_no_outputs()
        assert "\n" not in message
        assert SIGNATURE not in message
        message = message.replace(PARAMS.section(DownloadParams).kaggle_dataset, "…")
        message = re.sub(r"\b[0-9a-f]{32,64}\b", "…", message)
        message = re.sub(rf"{re.escape(str(self.state))}[/\w.]*", "…", message)
        return "error: " + re.sub(r"[\d,]+(?= bytes| are free)", "…", message)

    def _forget_requests(self) -> None:
        self.kaggle.requests.clear()
        self.kaggle.storage.requests.clear()

    def _requests(self) -> str:
        size = len(self.kaggle.content)
        names = {0: "all", size - 1: "its last byte"}
        starts = (Storage.start(request) for request in self.kaggle.storage.requests)
        requests = "requests: " + ", ".join(names.get(start, "the rest") for start in starts)
        times = sum(request.method == "POST" for request in self.kaggle.requests)
        return requests if times == 1 else f"{requests}; {times} to Kaggle's API"
