"""docs/slurm-job.sh, run by bash as SLURM runs it: its end, its signals, its way to the queue."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.project import Project, user_environment

SCRIPT = ROOT / "docs/slurm-job.sh"
PIPELINE = """\
stages:
  train:
    cmd: exec python train.py
    deps: [train.py]
    outs: [model]
"""
TRAIN = """\
import pathlib, sys, time
from stages.train.state.interruption import watched
with watched() as watch:
    print("it trains", flush=True)
    while pathlib.Path("wait").exists():
        time.sleep(0.01)
if pathlib.Path("fail").exists():
    sys.exit("it fails")
pathlib.Path("model").write_text("a model")
"""

SECONDS = 120
"""In which a job does what is asked of it, on a machine with much else to do."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A pipeline of one stage, and a cluster that writes down what is asked of it."""
    environment = user_environment(tmp_path / "settings", home=tmp_path)
    (tools := tmp_path / "tools").mkdir()
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\n')
    (tools / "scontrol").chmod(0o755)
    project = Project(
        tmp_path / "clone",
        environment
        | {
            "PATH": f"{tools}:{environment['PATH']}",
            "SLURM_JOB_ID": "42",
        },
    )
    project.folder.mkdir()
    (project.folder / "stages").symlink_to(ROOT / "stages")
    (project.folder / "dvc.yaml").write_text(PIPELINE)
    (project.folder / "train.py").write_text(TRAIN)
    (project.folder / ".venv").symlink_to(sys.prefix)
    project.git("init --quiet")
    project.dvc("init --quiet")
    return project


def requeued(project: Project) -> str | None:
    asked = project.folder.with_name("asked")
    return asked.read_text() if asked.exists() else None


def signalled(project: Project, number: signal.Signals, *, at: str) -> tuple[int, str]:
    """Let SLURM send a signal to the script, when it has printed a word; return how it ends."""
    (project.folder / "wait").touch()
    log = project.folder.with_name("log")
    job = project.start("bash", SCRIPT, log=log)
    until = time.monotonic() + SECONDS
    try:
        while at not in log.read_text():
            assert job.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.01)
        job.send_signal(number)  # to the shell alone: `--signal=B:`
        code = job.wait(SECONDS)
    except BaseException:
        (project.folder / "wait").unlink(
            missing_ok=True
        )  # then the stage ends, and with it DVC and the job
        job.kill()
        raise
    return code, log.read_text()


def test_a_run_to_the_end_is_not_requeued(project: Project) -> None:
    assert "it trains" in project.run("bash", SCRIPT)
    assert requeued(project) is None


def test_an_error_is_not_requeued(project: Project) -> None:
    (project.folder / "fail").touch()
    assert "failed to reproduce 'train'" in project.run("bash", SCRIPT, code=255)
    assert requeued(project) is None


@pytest.mark.parametrize("at", ["it trains", "Running stage"])
def test_before_the_end_of_its_time_the_stage_saves_and_the_job_is_requeued(
    project: Project, at: str
) -> None:
    code, told = signalled(project, signal.SIGUSR1, at=at)
    assert "train: stopped by SIGUSR1" in told
    assert "failed to reproduce 'train'" in told  # DVC is there until the stage has ended
    assert (code, requeued(project)) == (0, "requeue 42\n")


def test_a_job_that_is_cancelled_saves_and_is_not_requeued(project: Project) -> None:
    code, told = signalled(project, signal.SIGTERM, at="it trains")
    assert "train: stopped by SIGTERM" in told
    assert (code, requeued(project)) == (255, None)


def test_packages_of_modules_do_not_come_before_those_of_the_environment(project: Project) -> None:
    (module := project.folder.with_name("module")).mkdir()
    (module / "pandas.py").write_text("raise ImportError('another pandas')")
    with_module = project.with_variables({"PYTHONPATH": str(module)})
    assert "another pandas" not in with_module.run("bash", SCRIPT)
