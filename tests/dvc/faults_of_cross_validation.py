"""Faults in the second pipeline: folds that cannot be, and members that do not belong together."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.dvc.cross_validated import PIPELINE, outputs, ran
from tests.dvc.project import Project, make
from tests.dvc.scene import UP_TO_DATE, Scene, error
from tests.own_sets import class_folders, write_files

STRATEGY, FOLDS, SEEDS = (f"cross_validation.{key}" for key in ("strategy", "folds", "seeds"))
SOURCE = "profiles.synthetic.download.source"
PREDICTIONS = Path("cross_validation/predictions")
MEASURE = f"repro --single-item {PIPELINE}:out_of_fold"
CORRECTED = "after its correction nothing runs"
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
