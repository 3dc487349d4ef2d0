"""Faults in the second pipeline: folds that cannot be, and members that do not belong together."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.dvc.cross_validated import PIPELINE, outputs, ran
from tests.dvc.faults_of_runs import NO_DISK
from tests.dvc.ordeal import mount_small, remount
from tests.dvc.project import Project, make
from tests.dvc.scene import UP_TO_DATE, Scene, error
from tests.own_sets import class_folders, write_files

STRATEGY, FOLDS, SEEDS = (f"cross_validation.{key}" for key in ("strategy", "folds", "seeds"))
SOURCE = "profiles.synthetic.download.source"
PREDICTIONS = Path("cross_validation/predictions")
MEASURE = f"repro --single-item {PIPELINE}:out_of_fold"
CORRECTED = "after its correction nothing runs"
OUTPUTS = {
    "predict@2-1": PREDICTIONS / "fold-2-seed-1",
    "out_of_fold": Path("cross_validation/metrics/report.html"),
    "ensemble": Path("models/ensemble.keras"),
}
"""What a stage writes, for each that trains nothing."""
USER_SECONDS = {"predict@2-1": 4, "out_of_fold": 1, "ensemble": 2}
"""CPU time after which a stage is at work; half of it where it had ended before."""
SAME_BYTES = "the same bytes"
AGAIN = "`dvc repro cross_validation/dvc.yaml` brings the right ones back"


def wrong_param(key: str, value: object, *, stage: str) -> Callable[[Scene], str]:
    """Give a parameter a value that this stage refuses, before any other has run."""

    def play(scene: Scene) -> str:
        clone = scene.cross_validated()
        clone.set_param(key, value)
        printed = clone.dvc(f"repro {PIPELINE}", code=255)
        assert ran(printed) == [stage]
        clone.git("checkout -- params.yaml")
        assert ran(clone.dvc(f"repro {PIPELINE}")) == []
        assert UP_TO_DATE in clone.dvc("status")
        return f"{error(printed)}; {CORRECTED}"

    return play


def no_list_of_folds(scene: Scene) -> str:
    clone = scene.cross_validated()
    clone.set_param(FOLDS, 5)
    told = error(clone.dvc(f"repro {PIPELINE}", code=255))
    named = error(make(clone, "cross-validate", code=2)).partition("; make: ")[0]
    return f"DVC says {told}; `make cross-validate` and `make repro` name the key: {named}"


def official_without_folds(scene: Scene) -> str:
    return own_cells(scene, class_folders(6))


def fold_of_one_class(scene: Scene) -> str:
    files = class_folders(6)
    table = ["file_name,label,fold"]
    for number, name in enumerate(files):
        label = name.split("/")[0]
        fold = "abc"[number % 3] if label == "benign" else "ab"[number % 2]
        table.append(f"{name},{label},{fold}")
    return own_cells(scene, {**files, "metadata.csv": "\n".join(table).encode()})


def own_cells(scene: Scene, files: dict[str, bytes]) -> str:
    """Ask for official folds of own cells."""
    clone = scene.cross_validated()
    source = write_files(scene.folder / "own cells", files)
    clone.set_param(SOURCE, f"'{source}'")
    clone.set_param("profiles.synthetic.download.classes", "{hem: [benign], all: [early, pre]}")
    clone.set_param(STRATEGY, "official")
    printed = clone.dvc(f"repro {PIPELINE}:folds", code=255)
    assert ran(printed) == ["download", "folds", "split"], printed
    return re.sub(r"\(first: \S+\)", "(first: …)", error(printed))


def put_together(scene: Scene) -> str:
    clone = scene.cross_validated()
    before = outputs(clone)
    edit(clone, 2, lambda member: member["train"].update(settings_sha256="of others"))
    told = error(clone.dvc(MEASURE, code=255))
    right_again(clone, before)
    return f"{told}; {AGAIN}"


def predictions_spoilt(scene: Scene) -> str:
    clone = scene.cross_validated()
    before = outputs(clone)
    told = []
    for spoil in (doubled, of_another_archive, missing):
        spoil(clone)
        told.append(error(clone.dvc(MEASURE, code=255)).removeprefix("error: out_of_fold: "))
    right_again(clone, before)
    lines = "; ".join(text.partition("; failed to")[0] for text in told)
    return f"error: out_of_fold: {lines}; {AGAIN}"


def doubled(clone: Project) -> None:
    path = clone.folder / PREDICTIONS / "fold-3-seed-1/predictions.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]))


def of_another_archive(clone: Project) -> None:
    edit(clone, 2, lambda member: member.update(cells_sha256="of others"))


def missing(clone: Project) -> None:
    shutil.rmtree(clone.folder / PREDICTIONS / "fold-1-seed-1")


def edit(clone: Project, fold: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit what a member says of itself."""
    path = clone.folder / PREDICTIONS / f"fold-{fold}-seed-1/member.json"
    member = json.loads(path.read_text())
    change(member)
    path.write_text(json.dumps(member))


def right_again(clone: Project, before: dict[str, str]) -> None:
    assert ran(clone.dvc(f"repro {PIPELINE}")) == []
    assert outputs(clone) == before
    assert UP_TO_DATE in clone.dvc("status")


def member_killed(scene: Scene) -> str:
    states = scene.folder / "states"
    clone = scene.cross_validated().with_variables({"TRAIN_STATE_DIR": str(states)})
    before = outputs(clone)
    again = ("repro", "--force", "--single-item", f"{PIPELINE}:member@2-1")
    run = clone.start("dvc", *again)
    while run.poll() is None and not list(states.glob("*/checkpoint-*")):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert "Resumed after" in clone.run("dvc", *again)
    assert outputs(clone) == before
    return "`dvc repro` goes on where it was: the same bytes"


def stages_killed(scene: Scene) -> str:
    """Kill every stage that trains nothing in its middle."""
    clone = scene.cross_validated()
    before = outputs(clone)
    whole = {stage: contents(clone.folder / output) for stage, output in OUTPUTS.items()}
    for stage, output in OUTPUTS.items():
        printed = killed_at_work(clone, stage)
        assert re.search(r"exited with (-9|137)$", printed, re.MULTILINE), printed
        # The whole of it, if the kill came right after the last byte.
        assert contents(clone.folder / output) in ({}, whole[stage])
        assert f"{PIPELINE}:{stage}" in clone.dvc("status")
    clone.dvc(f"repro {PIPELINE}")
    right_with_nothing_left(clone, before)
    return (
        "error: failed to reproduce '…': failed to run: …, exited with -9 (137 where the shell is "
        f"sh); after `dvc repro`: {SAME_BYTES}, and nothing half-written is left"
    )


def contents(output: Path) -> dict[str, bytes]:
    """Return the bytes of a file, or of all files in a folder."""
    files = [output, *sorted(output.rglob("*"))]
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def killed_at_work(clone: Project, stage: str) -> str:
    """Run a stage, kill it by SIGKILL in the middle of something, and return what DVC says."""
    for attempt in range(10):
        run = clone.start("dvc", "repro", "--force", "--single-item", f"{PIPELINE}:{stage}")
        process = None
        while run.poll() is None and not (
            process := at_work(run, USER_SECONDS[stage] / 2**attempt)
        ):
            time.sleep(0.005)
        if run.returncode is None and process:
            process.kill()
            printed, _ = run.communicate()
            if run.returncode:
                return printed
        run.communicate()
    raise AssertionError(f"{stage} was ten times too fast to be killed")


def at_work(run: subprocess.Popen[str], user_seconds: float) -> psutil.Process | None:
    try:
        for process in psutil.Process(run.pid).children(recursive=True):
            if not any(word.startswith("stages.cross_validation.") for word in process.cmdline()):
                continue
            return process if process.cpu_times().user > user_seconds else None
    except psutil.Error:
        pass  # it has ended
    return None


def no_room(scene: Scene) -> str:
    """Give predict and ensemble a disk that holds less than they write, then enough."""
    clone = scene.cross_validated()
    before = outputs(clone)
    for stage in ("predict@2-1", "ensemble"):
        disk = clone.folder / OUTPUTS[stage].parent
        if not mount_small(disk, size=4):
            pytest.skip(NO_DISK)
        try:
            again = f"repro --force --single-item {PIPELINE}:{stage}"
            printed = clone.dvc(again, code=255)
            name = stage.partition("@")[0]
            told = rf"^{name}: .*No space left on device: '.*{OUTPUTS[stage].name}.*'$"
            assert len(re.findall(told, printed, re.MULTILINE)) == 1, printed
            assert "Traceback" not in printed
            assert list(disk.iterdir()) == []
            remount(disk, 100_000)
            clone.dvc(again)
            right_with_nothing_left(clone, before)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
    return (
        "error: …: No space left on device; nothing half-written is left; with more room: "
        f"{SAME_BYTES}"
    )


def right_with_nothing_left(clone: Project, before: dict[str, str]) -> None:
    assert outputs(clone) == before
    left = [path for path in clone.folder.rglob(".*tmp*") if ".dvc" not in path.parts]
    assert left == []
