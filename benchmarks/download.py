"""Measure the download stage on a set of full size: killed and resumed, and against curl.

    .venv/bin/python -m benchmarks.download --names files.tsv --json figures.json

It makes an archive with the names and sizes of C-NMC 2019 (a table with columns `size` and `path`)
and generated pixels, serves it from Kaggle's emulator on 127.0.0.1, and runs the stage, killed at
30 % and 70 %. It takes some minutes and 3 GB of disk, and needs the packages of `make check`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.beside_curl import CURL, CURL_AND_MD5, seconds_in_turns
from benchmarks.kaggle_server import serving
from benchmarks.kills import ROOT, download_killed
from benchmarks.set_of_size import make_set
from stages.common.files import write_json

NAMES = ROOT.parent / "shared/data/cnmc-files.tsv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write the figures to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        figures = _measure(options, Path(scratch))
    print(table(figures))
    if options.json:
        write_json(figures, options.json)


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    killed, curl = figures["killed"], figures["beside_curl"]
    rows = [
        ("archive", f"{figures['files']:,} files, {killed['bytes'] / 1e6:,.1f} MB"),
        ("wall time, three starts to the end", f"{killed['wall_s']:.1f} s"),
        ("of which transfer", f"{killed['transfer_s']:.1f} s"),
        ("of which MD5, verification and SHA-256", f"{killed['verification_s']:.1f} s"),
        ("CPU time of the three runs", f"{killed['cpu_s']:.1f} s"),
        ("peak resident memory", f"{killed['peak_bytes'] / 1e6:,.0f} MB"),
        ("arrived when killed", ", ".join(f"{kept:,}" for kept in killed["kept_at_kills"])),
        ("of that fetched again", f"{killed['fetched_again_bytes']:,} bytes"),
        ("sent again, buffers included", f"{killed['sent_again_bytes']:,} bytes"),
        ("load before killed runs, before turns", ", ".join(f"{x:.2f}" for x in figures["load"])),
    ]
    lines = ["| download | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    lines += [
        "",
        "| way | median | least to most | × curl | × curl, md5sum |",
        "| --- |" + " --- |" * 4,
    ]
    for name, seconds in curl.items():
        median = statistics.median(seconds)
        ratios = (median / statistics.median(curl[other]) for other in (CURL, CURL_AND_MD5))
        lines.append(
            f"| {name} | {median:.2f} s | {min(seconds):.2f} to {max(seconds):.2f} s | "
            + " | ".join(f"{ratio:.2f}" for ratio in ratios)
            + " |"
        )
    return "\n".join(lines)


def _measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    began = time.perf_counter()
    archive, inventory = make_set(options.names, options.folder or scratch)
    print(f"{archive}: {time.perf_counter() - began:.1f} s", flush=True)
    with serving(archive) as server:
        load = [os.getloadavg()[0]]
        server.rate = options.rate
        killed = download_killed(server, archive.with_suffix(".json"), scratch / "killed")
        (scratch / "killed/cnmc.zip").unlink()
        server.rate = None
        load.append(os.getloadavg()[0])
        turns = seconds_in_turns(server, scratch / "turns", rounds=options.rounds)
    files = sum(folder.files for folder in inventory.folders.values())
    return {"files": files, "killed": killed, "beside_curl": turns, "load": load}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.download", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--names", type=Path, default=NAMES, help="table of the files")
    parser.add_argument("--folder", type=Path, help="where the archive is kept for the next time")
    parser.add_argument("--rounds", type=int, default=5, help="fetches in each way")
    parser.add_argument(
        "--rate", type=float, help="bytes a second that the killed runs get at most"
    )
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser


if __name__ == "__main__":
    main()
