"""Several users on one machine, a user without a name and a home, and jobs of a cluster.

The users are numbers without a name, as in a container; only root can be another one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import command, commands, section
from tests.dvc.faults_of_training import TRAIN, made
from tests.dvc.project import GROUP, RATE, Project, make, run_as, stages_run
from tests.dvc.scene import FIRST_CACHE, Scene, error

ANN, BEN = 65_531, 65_532
FORCED = ("--force", "--single-item", "train")
NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")
PAGE = "machines.md"


def closed_cache(scene: Scene) -> str:
    cache = _cache_of(scene, ANN)
    ben = _owned(scene, BEN, name="ben", cache=cache)
    ben.set_param(RATE, 0.0051)
    printed = ben.dvc(TRAIN, code=255)
    assert "epoch 1/" not in printed
    told = re.sub(rf"{re.escape(str(cache))}[^` ,]*", "…", error(printed))
    told = re.sub(r"the user \d+, and in \d+ more", "the user …, and in … more", told)
    ann = _owned(scene, ANN, name="ann", cache=cache)
    for user in (ann, ben):
        user.dvc("config --local cache.shared group")
    for line in commands(section(PAGE, "A shared cache"))[-2:]:
        ours = line.replace("/shared/leukemia-cache", f"'{cache}'").replace(" lab ", f" {GROUP} ")
        ann.run("sh", "-c", ours.replace("$USER", str(ANN)))
    assert stages_run(ben.dvc(TRAIN)) == ["train"]
    ann.set_param(RATE, 0.0051)
    assert stages_run(ann.dvc(TRAIN)) == []
    assert made(ann) == made(ben)
    return (
        f"before the work {told}; after the [recipe](machines.md#a-shared-cache) both write, and "
        "one takes what the other has made"
    )


def git_does_not_trust(scene: Scene) -> str:
    ann = _owned(scene, ANN, name="ann")
    ann.run("chmod", "-R", "a+rwX", ann.folder, ann.cache)
    (home := scene.folder / "home").mkdir()
    os.chown(home, BEN, GROUP)
    settings = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")}
    ben = replace(ann.with_variables(settings), user=BEN)
    assert "Do that if you trust it, or clone it" in make(ben, "repro", code=2)
    told = ben.run("python", "-m", "stages.compare", "HEAD", code=2)
    assert told.count("\n") == 1
    assert "belongs to another user" in told
    trust = command(section(PAGE, "A checkout of another user"), "git config --global")
    ben.run(*trust.split()[:-1], ann.folder)
    assert stages_run(make(ben, "repro")) == []
    assert stages_run(ben.dvc("repro --force --single-item split")) == ["split"]
    return (
        "`make` and our commands say in one line how to trust it; after that: as elsewhere "
        f"({scene.right(ben)})"
    )


def root_was_here(scene: Scene) -> str:
    ann = _owned(scene, ANN, name="ann")
    root = replace(ann.with_variables(_trusted(scene, ann)), user=None)
    root.dvc("repro --force --single-item split")
    assert re.search("Permission denied|readonly database", ann.dvc("repro", code=255))
    by_make = make(ann, "repro", code=2)
    assert by_make.startswith("You may not write .dvc/tmp/")
    command = by_make.partition("sudo ")[2].splitlines()[0]
    root.run("sh", "-c", f"{command} '{ann.cache}'")
    assert stages_run(make(ann, "repro")) == []
    return (
        "DVC may not write its own files; `make` names the first, and how to take the folder over; "
        f"after that: {scene.right(ann)}"
    )


def closed_remote(scene: Scene) -> str:
    (remote := scene.folder / "remote").mkdir()
    _give(remote, ANN)
    ann = _owned(scene, ANN, name="ann")
    ben = _owned(scene, BEN, name="ben", cache=_cache_of(scene, BEN))
    for user in (ann, ben):
        user.run("dvc", "remote", "modify", "--local", "local", "url", remote)
    ann.dvc("push")
    ben.set_param("profiles.synthetic.split.validation_share", 0.25)
    ben.dvc("repro split")
    told = re.sub(r"'.*'", "…", ben.dvc("push", code=255).splitlines()[0])
    (recipe,) = commands(section(PAGE, "A remote folder of several users"))
    for user in (ann, ben):
        user.run("sh", "-c", recipe)
    for line in commands(section(PAGE, "A shared cache"))[-2:]:
        ours = line.replace("/shared/leukemia-cache", f"'{remote}'").replace(" lab ", f" {GROUP} ")
        ann.run("sh", "-c", ours.replace("$USER", str(ANN)))
    ben.dvc("push split")
    folders = [path for path in remote.rglob("*") if path.is_dir()]
    assert all(path.stat().st_mode & stat.S_IWGRP for path in folders)
    ann.set_param("profiles.synthetic.split.validation_share", 0.25)
    shutil.copy(ben.folder / "dvc.lock", ann.folder / "dvc.lock")
    ann.dvc("pull split")
    cells = "data/splits/cells.csv"
    assert (ann.folder / cells).read_bytes() == (ben.folder / cells).read_bytes()
    return (
        f"{told}; after the [recipe](machines.md#a-remote-folder-of-several-users) both push, and "
        "one pulls what the other has pushed"
    )


def no_right_to_write(scene: Scene) -> str:
    ann = _owned(scene, ANN, name="ann")
    ann.run("chmod", "-R", "go-w", ann.folder)
    ben = replace(ann, user=BEN).with_variables(_trusted(scene, ann))
    told = make(ben, "repro", code=2)
    assert told.startswith("You may not write in this folder: clone it, and work in your clone: ")
    return "`make` says so before it installs anything"


def without_name_and_home(scene: Scene) -> str:
    project = _owned(scene, ANN, name="clone", nameless=True)
    container = command(section(PAGE, "Containers"), "docker run")
    set_there = dict(re.findall(r"--env (\w+)=(\S+)", container))
    assert stages_run(make(project, "repro")) == []
    project = project.with_variables(set_there)
    assert stages_run(project.dvc("repro --force")) != []
    return f"with the variables of the [recipe](machines.md#containers): {scene.right(project)}"


def job_out_of_time(scene: Scene) -> str:
    clone = scene.clone()
    states = scene.folder / "states"
    (tools := scene.folder / "tools").mkdir(parents=True)
    (tools / "scontrol").write_text('#!/bin/sh\necho asked to "$@"\n')
    (tools / "scontrol").chmod(0o755)
    (clone.folder / ".venv").symlink_to(sys.prefix)
    path = f"{tools}{os.pathsep}{clone.environment['PATH']}"
    clone = clone.with_variables(
        {"PATH": path, "SLURM_JOB_ID": "42", "TRAIN_STATE_DIR": str(states)}
    )
    script = ("bash", ROOT / "docs/slurm-job.sh", *FORCED)
    job = clone.start(*script, log=(log := scene.folder / "log"))
    while not list(states.glob("*/checkpoint-*")):
        assert job.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.01)
    job.send_signal(signal.SIGUSR1)
    assert job.wait() == 0
    told = error(log.read_text(encoding="utf-8"))
    assert "asked to requeue 42" in log.read_text(encoding="utf-8")
    assert "Resumed after" in clone.run(*script)
    told = re.sub(r"after 0 epochs and \d+ steps", "after 0 epochs and … steps", told)
    return f"{told}; the job goes back into the queue, and then on: {scene.right(clone)}"


def two_jobs(scene: Scene) -> str:
    first = scene.clone()
    second = first.folder.with_name("second")
    for line in commands(section(PAGE, "Two jobs on one checkout")):
        ours = line.replace("../second", f"'{second}'")
        first.run("sh", "-c", ours.replace("$PWD/.dvc/cache", f"'{first.cache}'"))
    return f"a clone for each, with one cache: {scene.right(Project(second, first.environment))}"


def _cache_of(scene: Scene, user: int) -> Path:
    """A cache that a user has filled, as DVC makes it without `cache.shared`."""
    source = scene.origin.folder.with_name(FIRST_CACHE)
    cache = Path(shutil.copytree(source, scene.folder / f"cache-{user}"))
    subprocess.run(["chmod", "-R", "go-w", cache], check=True)
    _give(cache, user)
    return cache


def _owned(
    scene: Scene, user: int, *, name: str, cache: Path | None = None, nameless: bool = False
) -> Project:
    """A clone that belongs to a user, who runs the commands in it."""
    _skip_where_nobody_else_can_be(user)
    clone = scene.origin.clone(scene.folder / name)
    cache = cache or _cache_of(scene, ANN)
    clone.run("dvc", "cache", "dir", "--local", cache)
    _give(clone.folder, user)
    known = {key: value for key, value in clone.environment.items() if key not in NAMES}
    own = {
        "DVC_SITE_CACHE_DIR": str(clone.folder / ".dvc/tmp/site"),
        "TRAIN_STATE_DIR": ".train_state",
        "HOME": "/",
    }
    names = {} if nameless else {"LOGNAME": f"user-{user}"}
    return Project(clone.folder, {**known, **own, **names}, cache, user)


def _give(folder: Path, user: int) -> None:
    subprocess.run(["chown", "-R", f"{user}:{GROUP}", folder], check=True)


def _trusted(scene: Scene, project: Project) -> dict[str, str]:
    settings = scene.folder / "gitconfig"
    settings.write_text(f'[safe]\n    directory = "{project.folder}"\n')
    return {"GIT_CONFIG_GLOBAL": str(settings)}


def _skip_where_nobody_else_can_be(user: int) -> None:
    tried = [*run_as(user), sys.executable, "-c", ""] if os.getuid() == 0 else ["false"]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("only root can be another user, and keep the right to read")
