"""Run the download stage as DVC does, kill it, run it again, and measure it from outside."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.kaggle_server import KaggleServer

ROOT = Path(__file__).parents[1]
KILLED_AT = (0.3, 0.7)
"""Shares of the file that have arrived when the stage is killed."""


@dataclass
class Run:
    """A run of the stage.

    Attributes:
        began: when its process started. All times are seconds of one clock.
        arrived: when it was killed, or when the whole file was there.
        ended: when its process was gone.
        peak: most resident memory of its process, in bytes.
        cpu: seconds of user and system time.
        status: of its process; negative for the signal that ended it.
        kept: bytes in the partial file when its process was gone.
    """

    began: float
    arrived: float = 0
    ended: float = 0
    peak: int = 0
    cpu: float = 0
    status: int | None = None
    kept: int = 0


def download_killed(server: KaggleServer, inventory: Path, work: Path) -> dict[str, Any]:
    """Run the stage to its end, with kills on the way, and return the measurements.

    Raises:
        RuntimeError: if a run ends in another way, or the result differs from the served file.
    """
    _prepare(work)
    server.sendings.clear()
    runs = []
    for share in (*KILLED_AT, None):
        runs.append(_run(server, inventory, work, share))
        print(
            f"run {len(runs)}: status {runs[-1].status}, {runs[-1].kept:,} bytes kept", flush=True
        )
    _check(server, work)
    sent = sum(sending.sent for sending in server.sendings)
    # Each run requests the file once, after the request for its address.
    transfers = [run.arrived - send.began for run, send in zip(runs, server.sendings, strict=True)]
    return {
        "bytes": server.size,
        "wall_s": runs[-1].ended - runs[0].began,
        "transfer_s": sum(transfers),
        "verification_s": runs[-1].ended - runs[-1].arrived,
        "cpu_s": sum(run.cpu for run in runs),
        "peak_bytes": max(run.peak for run in runs),
        "peak_floor_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "kept_at_kills": [run.kept for run in runs[:-1]],
        "resumed_at": [sending.start for sending in server.sendings],
        "sent_again_bytes": sent - server.size,
        "fetched_again_bytes": sum(
            run.kept - sending.start
            for run, sending in zip(runs[:-1], server.sendings[1:], strict=True)
        ),
    }


def _prepare(work: Path) -> None:
    (work / "home").mkdir(parents=True)
    (work / "state").mkdir()
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["profiles"][content["profile"]]["download"] |= {"source": "kaggle", "weights": "none"}
    (work / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _run(server: KaggleServer, inventory: Path, work: Path, share: float | None) -> Run:
    """Run the stage, to its end if `share` is None."""
    run = Run(time.perf_counter())
    process = _start(server, inventory, work)
    state = work / "state"
    _wait(process, run, until=lambda: _kept(state) >= (share or 1) * server.size)
    if share is not None and run.status is None:
        process.kill()
    run.arrived = time.perf_counter()
    _wait(process, run)
    run.kept = _kept(state)
    if run.status != (0 if share is None else -9):
        said = (work / "log").read_text(encoding="utf-8").splitlines()[-1:]
        raise RuntimeError(f"the stage ended with status {run.status}: {' '.join(said)}")
    return run


def _start(server: KaggleServer, inventory: Path, work: Path) -> subprocess.Popen[bytes]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KAGGLE") and name.lower() != "no_proxy"
    }
    environment |= {
        "HOME": str(work / "home"),
        "KAGGLE_CONFIG_DIR": str(work / "home"),
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "HTTP_PROXY": server.address,
        "http_proxy": server.address,
        "DOWNLOAD_STATE_DIR": str(work / "state"),
        "PYTHONPATH": str(ROOT),
    }
    outputs = ["--archive=cnmc.zip", "--external=external", "--keras-home=keras_home"]
    outputs += ["--report=download.json"]
    command = [sys.executable, "-m", "benchmarks.stage_with_inventory", str(inventory), *outputs]
    with (work / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=work, env=environment, stdout=log, stderr=log)


def _wait(
    process: subprocess.Popen[bytes], run: Run, *, until: Callable[[], bool] | None = None
) -> None:
    """Wait until `until` is true or the process has ended; then record its resource usage."""
    while run.status is None and not (until and until()):
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            run.ended = time.perf_counter()
            run.peak = usage.ru_maxrss * 1024  # kB on Linux
            run.cpu = usage.ru_utime + usage.ru_stime
            run.status = process.returncode = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.002)


def _kept(state: Path) -> int:
    return sum(path.stat().st_size for path in state.glob("*.part"))


def _check(server: KaggleServer, work: Path) -> None:
    report = json.loads((work / "download.json").read_text(encoding="utf-8"))
    digests = []
    for path in (server.archive, work / "cnmc.zip"):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len({*digests, report["sha256"]}) != 1 or report["verified"] is not True:
        raise RuntimeError(f"not what was served: {digests}, reported {report}")
