"""Time the project's file transfer and curl's, in turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.kaggle_server import KaggleServer
from stages.download.http_origin import http_origin
from stages.download.transfer import transfer

ROOT = Path(__file__).parents[1]
CURL = "curl"
CURL_AND_MD5 = "curl, then md5sum"
TRANSFER = "transfer()"
TRANSFER_WITHOUT_MD5 = "transfer(), no checksum announced"


def seconds_in_turns(server: KaggleServer, work: Path, *, rounds: int) -> dict[str, list[float]]:
    """Fetch the file in each way, `rounds` times in turns; return the seconds of each fetch."""
    work.mkdir()
    checked, unchecked = (server.url(checksum=checksum) for checksum in (True, False))
    ways: dict[str, Callable[[], float]] = {
        CURL: lambda: _seconds_of_curl(["-o", "fetched", checked], work),
        CURL_AND_MD5: lambda: _seconds_of_curl(["-o", "fetched", checked], work, md5=True),
        TRANSFER: lambda: _seconds_of_transfer(checked, work),
        TRANSFER_WITHOUT_MD5: lambda: _seconds_of_transfer(unchecked, work),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        order = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
        for name in order:
            seconds[name].append(ways[name]())
            if (work / "fetched").stat().st_size != server.size:
                raise RuntimeError(f"{name} left another number of bytes than was served")
            (work / "fetched").unlink()
    return seconds


def _seconds_of_curl(arguments: Sequence[str], work: Path, *, md5: bool = False) -> float:
    began = time.perf_counter()
    _run([_program("curl"), "-s", "--fail", *arguments], work)
    if md5:
        _run([_program("md5sum"), "fetched"], work)
    return time.perf_counter() - began


def _seconds_of_transfer(url: str, work: Path) -> float:
    return float(_run([sys.executable, "-m", "benchmarks.beside_curl", url], work))


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise RuntimeError(f"{name} is not installed")
    return path


def _run(command: Sequence[str], work: Path) -> str:
    environment = {**os.environ, "NO_PROXY": "*", "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        command, cwd=work, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return finished.stdout


def main() -> None:
    """Fetch a URL in this process, and print the seconds of the transfer alone."""
    origin = http_origin(sys.argv[1])
    began = time.perf_counter()
    transfer(origin, Path("fetched"), state=Path("state"), verify=Path.stat)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
