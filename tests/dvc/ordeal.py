"""A run of the pipeline that meets a full disk and two kills in every stage."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.dvc.project import STAGES, Project

ROOM = {"download": 2_000, "split": 30, "preprocess": 200, "train": 100, "evaluate": 200}
"""kB left on the disk before a stage: some, but less than it makes."""

HALF_WRITTEN = {
    "download": "data/raw/.source.zip.*.tmp",
    "preprocess": "data/shards/.training.*.tmp",
}
"""What lies there while a stage writes its output, where that takes long enough to be seen."""

USER_SECONDS = {"split": 0.5, "train": 4, "evaluate": 4}
"""CPU time after which the others are at work, long before they end on a machine twice as fast."""


@dataclass
class Ordeal:
    """A clone on a disk of its own, and what became of each fault.

    Attributes:
        small: whether the disk can be made small.
        printed: by fault and stage.
    """

    clone: Project
    disk: Path
    small: bool
    printed: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def go_through(self) -> None:
        """Let the faults happen in one stage after another, each of which ends well at last."""
        for stage in STAGES:
            if self.small:
                with self.little_room(ROOM[stage]):
                    self.printed["disk full"][stage] = self.clone.dvc(f"repro {stage}", code=255)
            run, process = stopped_at_work(self.clone, stage)
            process.kill()
            self.printed["stage killed"][stage], _ = run.communicate()
            run, process = stopped_at_work(self.clone, stage)
            run.kill()
            run.wait()
            process.resume()
            # The stage is left alone. train ends when it notices that, the others go on.
            if stage == "train":
                run.communicate()
            self.clone.dvc(f"repro {stage}")
            if stage != "train":
                run.communicate()

    @contextlib.contextmanager
    def little_room(self, room: int) -> Iterator[None]:
        """Leave `room` kB on the disk for as long as the block."""
        numbers = os.statvfs(self.disk)
        used = (numbers.f_blocks - numbers.f_bfree) * numbers.f_frsize // 1024
        remount(self.disk, used + room)
        try:
            yield
        finally:
            remount(self.disk, 1_000_000)


def go_through(origin: Project, *, disk: Path, beside: Path) -> Ordeal:
    """Let a clone of the first run, without its cache, go through it all on a disk of its own.

    Args:
        origin: what is cloned.
        disk: an empty folder, on which the disk is left mounted, if that is allowed.
        beside: an empty folder on another disk.
    """
    small = mount_small(disk, size=1_000_000)
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "DVC_SITE_CACHE_DIR": str(beside / "dvc"),
        "TRAIN_STATE_DIR": str(beside / "train"),
    }
    clone = origin.clone(disk / "clone", pulled=False).with_variables(variables)
    clone.run("python", "-m", "compileall", "-q", "stages")  # once, while there is room
    ordeal = Ordeal(clone, disk, small)
    ordeal.go_through()
    return ordeal


def mount_small(folder: Path, *, size: int) -> bool:
    """Mount a disk of `size` kB on a folder; return False where that is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    return not subprocess.run(mount, capture_output=True, check=False).returncode


def stopped_at_work(clone: Project, stage: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Run a stage and stop its process by SIGSTOP in the middle of something; return `dvc`, too.

    A stage that was at its end before it was stopped is run again.
    """
    run = clone.start("dvc", "repro", stage)
    for _ in range(10):
        if process := stopped(clone, run, stage):
            return run, process
        printed, _ = run.communicate()
        assert run.returncode == 0, printed
        run = clone.start("dvc", "repro", "--force", "--single-item", stage)
    raise AssertionError(f"{stage} was ten times too fast to be stopped")


def stopped(clone: Project, run: subprocess.Popen[str], stage: str) -> psutil.Process | None:
    while run.poll() is None:
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(run.pid).children(recursive=True):
                if f"stages.{stage}" in process.cmdline() and works(clone, process, stage):
                    process.suspend()
                    if works(clone, process, stage):
                        return process
                    process.resume()
        time.sleep(0.005)
    return None


def works(clone: Project, process: psutil.Process, stage: str) -> bool:
    if stage in HALF_WRITTEN:
        pattern = HALF_WRITTEN[stage].replace("*", str(process.pid))
        return any(clone.folder.glob(pattern))
    at_work = process.cpu_times().user > USER_SECONDS[stage]
    return at_work and process.status() != psutil.STATUS_ZOMBIE


def remount(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)
