"""Measure the transfers of push and pull against a pipeline that tracks unpacked images.

    .venv/bin/python -m benchmarks.push_pull --json figures.json

Both have the same generated images, in the sizes of the real ones, and the same model and report:
random bytes of the sizes in dvc.lock. This project tracks archive, table, shards, model and report.
The other one tracks the images as files, table, model and report, but no shards. The remote is
moto's S3 on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.cells import ROOT, make_cells
from benchmarks.counted_s3 import BUCKET, Traffic, client, counted_s3
from benchmarks.set_of_size import make_set
from stages.common.files import write_json

PACKED, UNPACKED = "this project", "unpacked images"
TRAINED = ("models/model.keras", "models/metadata.json", "metrics/report.html")
"""The outputs that change with the learning rate."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write the figures to a file if asked to."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch, counted_s3() as (address, traffic):
        folder = Path(scratch)
        _make_both(folder, cells=options.cells, image_size=options.image_size)
        figures = {}
        for name in (PACKED, UNPACKED):
            project = _Project(folder / name.replace(" ", "-"), address, traffic)
            figures[name] = project.measure()
    print(table(figures))
    if options.json:
        write_json(
            {"cells": options.cells, "image_size": options.image_size} | figures, options.json
        )


def table(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures as Markdown, with the ratio of the first to the second."""
    lines = ["| | " + PACKED + " | " + UNPACKED + " | ratio |", "| --- | --- | --- | --- |"]
    for step, packed in figures[PACKED].items():
        for quantity, value in packed.items():
            other = figures[UNPACKED][step][quantity]
            cells = f"{value:,.1f} | {other:,.1f} | {value / other:.3f}"
            lines.append(f"| {step}: {quantity} | {cells} |")
    return "\n".join(lines)


def _make_both(folder: Path, *, cells: int, image_size: int) -> None:
    archive = _make_archive(folder, cells)
    packed, unpacked = (folder / name.replace(" ", "-") for name in (PACKED, UNPACKED))
    made = make_cells(packed, cells=cells, image_size=image_size, source=str(archive))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(unpacked / "data/images")
    shutil.copytree(made.cells_csv.parent, unpacked / "data/splits")
    archive.unlink()


def _make_archive(folder: Path, cells: int) -> Path:
    names = []
    for number in range(cells):
        label, subject = ("hem", "H") if number % 3 == 0 else ("all", "")
        subject += str(number % 21 + 1)
        path = f"training_data/fold_{number % 3}/{label}/UID_{subject}_{number}_1_{label}.bmp"
        names.append(f"608454\tC-NMC_Leukemia/{path}")
    (folder / "names.tsv").write_text("\n".join(["size\tpath", *names]) + "\n")
    return make_set(folder / "names.tsv", folder)[0]


@dataclass
class _Project:
    """A repository of one of the two kinds, and its remote."""

    folder: Path
    address: str
    traffic: Traffic

    def measure(self) -> dict[str, dict[str, float]]:
        """Push, push after a changed learning rate, and pull into a clone."""
        self._begin()
        figures = {"first push": self._moved("push")}
        self._train(seed=2)
        figures["push after a changed learning rate"] = self._moved("push")
        self._run("git", "commit", "--all", "--quiet", "--message=rate")
        clone = dataclasses.replace(self, folder=self.folder.with_name(f"{self.folder.name}-clone"))
        self._run("git", "clone", "--quiet", ".", str(clone.folder))
        figures["pull"] = clone._moved("pull")
        return figures

    def _begin(self) -> None:
        self._run("git", "init", "--quiet")
        self._run("dvc", "init", "--quiet")
        self._run("dvc", "remote", "add", "s3", f"s3://{BUCKET}/{self.folder.name}", "--default")
        data = [str(path) for path in sorted((self.folder / "data").iterdir())]
        self._run("dvc", "add", "--quiet", *data)
        self._train(seed=1)
        self._run("git", "add", "--all")
        self._run("git", "commit", "--quiet", "--message=all")

    def _train(self, *, seed: int) -> None:
        """Write outputs of the sizes in dvc.lock, as a training would."""
        lock = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        outs = [out for name in ("train", "evaluate") for out in lock[name]["outs"]]
        sizes = {out["path"]: out["size"] for out in outs}
        for path in TRAINED:
            (self.folder / path).parent.mkdir(exist_ok=True)
            content = np.random.default_rng([seed, sizes[path]]).bytes(sizes[path])
            (self.folder / path).write_bytes(content)
        self._run("dvc", "add", "--quiet", *TRAINED)

    def _moved(self, command: str) -> dict[str, float]:
        """Run a command; return its transfer and its cost."""
        objects = self._objects()
        before, cpu, began = dataclasses.replace(self.traffic), _cpu(), time.perf_counter()
        self._run("dvc", command, "--quiet")
        figures = {
            "MB": (self.traffic.moved - before.moved) / 1e6,
            "requests": self.traffic.requests - before.requests,
            "CPU s of DVC": _cpu() - cpu,
            "s": time.perf_counter() - began,
        }
        return {"objects": self._objects() - objects} | figures

    def _objects(self) -> int:
        """Objects in the bucket and in the cache."""
        pages = client(self.address).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        cached = [path for path in self.folder.glob(".dvc/cache/files/md5/*/*") if path.is_file()]
        return sum(page["KeyCount"] for page in pages) + len(cached)

    def _run(self, *command: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        for role in ("AUTHOR", "COMMITTER"):
            keys |= {f"GIT_{role}_NAME": "B", f"GIT_{role}_EMAIL": "b@example.org"}
        environment = (
            os.environ
            | keys
            | {
                "PATH": path,
                "NO_PROXY": "*",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": self.address,
                "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site-cache"),
            }
        )
        subprocess.run(command, cwd=self.folder, env=environment, check=True)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push_pull", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cells", type=int, default=500, help="images")
    parser.add_argument(
        "--image-size", type=int, default=300, help="pixels along an edge of shards"
    )
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser


if __name__ == "__main__":
    main()
