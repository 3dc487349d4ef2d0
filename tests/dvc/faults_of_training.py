"""Faults after the last epoch, in the stage and in DVC."""

from __future__ import annotations

import subprocess

import pytest

from tests.dvc.faults_of_runs import NO_DISK
from tests.dvc.ordeal import mount_small
from tests.dvc.project import RATE, Project
from tests.dvc.scene import Scene, error

EPOCHS = RATE.replace("learning_rate", "epochs")
TRAIN = "repro --single-item train"
RESUMED = "Resumed after 1 epochs and 0 steps"
ANEW = "DVC has recorded this training and has been told to run it again: it starts anew"
OUTPUTS = ("models/model.keras", "metrics/train.json", "metrics/history.csv")
KILLED_BEFORE_ITS_RECORD = """
import os, signal, sys
from dvc.cli import main
from dvc.stage import Stage

Stage.save = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(main(sys.argv[1:]))
"""
NO_EPOCH = "trains no epoch: the same bytes"


def in_ascii_alone(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0041)
    ascii_only = clone.with_variables({"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    (line,) = (
        line for line in ascii_only.dvc(TRAIN).splitlines() if line.startswith("train: best")
    )
    return f"as with every letter; the last line ends with `{line[line.index(chr(92)) :]}`"


def other_settings(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0046)
    clone.set_param(EPOCHS, 2)
    printed = clone.dvc(TRAIN)
    assert RESUMED not in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("Training starts at"))
    return f"trains anew, and says why: {line}"


def nobody_reads(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0042)
    pipeline = clone.folder / "dvc.yaml"
    text = pipeline.read_text(encoding="utf-8")
    last = "--history-csv metrics/history.csv\n"
    for redirection in ("> /dev/full 2>&1", ">&- 2>&-"):
        redirected = text.replace(last, f"{last}      {redirection}\n", 1)
        pipeline.write_text(redirected, encoding="utf-8")
        printed = clone.dvc(TRAIN)
        assert "Running stage" in printed
        assert redirection in printed
    return "the stage goes on to its end"


def killed_before_its_record(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0043)
    first = killed(clone)
    assert RESUMED in clone.dvc(TRAIN)
    assert made(clone) == first
    assert states(clone) == 1
    clone.dvc("repro")
    assert states(clone) == 0
    return f"`dvc repro` {NO_EPOCH}"


def commented_since(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0047)
    first = killed(clone)
    for name in ("stages/train/loop.py", "stages/common/files.py"):
        with (clone.folder / name).open("a", encoding="utf-8") as code:
            code.write("# A comment.\n")
    assert RESUMED in clone.dvc(TRAIN)
    assert made(clone) == first
    return f"`dvc repro` {NO_EPOCH}"


def never_evaluated(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0048)
    killed(clone)
    for rate in (0.0049, 0.005):
        clone.set_param(RATE, rate)
        clone.dvc(TRAIN)
        assert states(clone) == 2
    clone.set_param(RATE, 0.0048)
    assert RESUMED in clone.dvc(TRAIN)
    assert states(clone) == 1
    return (
        "each training removes the state of the one that DVC recorded before it; what DVC has not "
        "recorded stays"
    )


def experiments_never_evaluated(scene: Scene) -> str:
    clone = scene.clone().with_variables({"TRAIN_STATE_DIR": ""})
    for rate in (0.0052, 0.0053):
        clone.run("dvc", "exp", "run", "--temp", "-S", f"{RATE}={rate}", "train")
        assert len(list((clone.folder / ".train_state").glob("*/finished.json"))) == 1
    return (
        "each training keeps its state in `.train_state` of the workspace, and removes that of the "
        "one before it"
    )


def forced(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0044)
    first = killed(clone)
    assert RESUMED in clone.dvc(f"{TRAIN} --force")
    printed = clone.dvc(f"{TRAIN} --force")
    assert ANEW in printed
    assert RESUMED not in printed
    assert made(clone) == first
    return f"where DVC has recorded it: trains anew; else {NO_EPOCH}"


def without_the_cache(scene: Scene) -> str:
    clone = scene.clone().with_variables({"TRAIN_STATE_DIR": ".train_state"})
    killed(clone, "--force")
    (clone.folder / ".dvc/config.local").unlink()  # an empty cache of its own
    clone.run("rm", "-r", "models")
    assert RESUMED in clone.dvc(TRAIN)
    assert clone.outputs() == scene.origin.outputs()
    return f"`dvc repro` {NO_EPOCH}"


def cache_takes_nothing(scene: Scene) -> str:
    clone = to_be_trained(scene, rate=0.0045)
    (small := scene.folder / "small").mkdir()
    if not mount_small(small, size=20):
        pytest.skip(NO_DISK)
    try:
        clone.dvc(f"cache dir --local {small}")
        printed = clone.dvc(TRAIN, code=255)
        assert RESUMED not in printed
        first = made(clone)
        subprocess.run(["mount", "-o", "remount,ro,size=90m", str(small)], check=True)
        printed = clone.dvc(TRAIN, code=255)
        assert RESUMED in printed
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        assert RESUMED in clone.dvc(TRAIN)
        assert made(clone) == first
    finally:
        subprocess.run(["umount", small], check=True)
    told = error("\n".join(line for line in printed.splitlines() if line.startswith("ERROR")))
    return f"{told}; once it takes them, `dvc repro` {NO_EPOCH}"


def to_be_trained(scene: Scene, *, rate: float) -> Project:
    """A clone with all that train needs, at a learning rate with which no other clone has run."""
    clone = scene.clone().with_variables({"TRAIN_STATE_DIR": ".train_state"})
    clone.set_param(RATE, rate)
    return clone


def killed(clone: Project, *options: str) -> dict[str, bytes]:
    """Train, kill DVC when the stage has ended, and return what that has made."""
    command = ("python", "-c", KILLED_BEFORE_ITS_RECORD, *TRAIN.split(), *options)
    assert RESUMED not in clone.run(*command, code=-9)
    return made(clone)


def made(clone: Project) -> dict[str, bytes]:
    return {name: (clone.folder / name).read_bytes() for name in OUTPUTS}


def states(clone: Project) -> int:
    return len(list((clone.folder / ".train_state").glob("*/checkpoint-*")))
