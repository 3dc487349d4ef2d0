"""Faults while stages run, and in the local cache."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from tests.docs.pages import commands, section
from tests.dvc.ordeal import mount_small, remount, stopped_at_work
from tests.dvc.project import Project, stages_run
from tests.dvc.scene import UP_TO_DATE, Scene, error

CELLS = "data/splits/cells.csv"
NO_DISK = "no small disk without the right to mount one"


def disk_full(scene: Scene) -> str:
    ordeal = scene.ordeal()
    if not ordeal.small:
        pytest.skip(NO_DISK)
    for stage, printed in ordeal.printed["disk full"].items():
        assert re.search(rf"^{stage}: .*No space left on device", printed, re.MULTILINE)
        assert f"failed to reproduce '{stage}'" in printed
        assert "Traceback" not in printed
    return f"error: …: No space left on device; with more room: {scene.right(ordeal.clone)}"


def stage_killed(scene: Scene) -> str:
    ordeal = scene.ordeal()
    for stage, printed in ordeal.printed["stage killed"].items():
        told = f"failed to reproduce '{stage}': .* exited with (-9|137)$"
        assert re.search(told, printed, re.MULTILINE), printed
    return (
        "error: failed to reproduce '…': failed to run: …, exited with -9 (137 "
        f"where the shell is sh); after `dvc repro`: {scene.right(ordeal.clone)}"
    )


def dvc_killed(scene: Scene) -> str:
    return f"after `dvc repro`: {scene.right(scene.ordeal().clone)}"


OF_ORDEAL = (disk_full, stage_killed, dvc_killed)


def stage_fails(scene: Scene) -> str:
    clone = scene.clone()
    clone.set_param("profiles.synthetic.split.validation_share", 0.18)
    clone.set_param("profiles.synthetic.preprocess.crop_size", 451)
    told = error(printed := clone.dvc("repro", code=255))
    assert stages_run(printed) == ["split", "preprocess"]
    assert not list((clone.folder / "data/shards").glob("*"))
    assert not list((clone.folder / "data").glob(".*"))
    assert set(clone.git("diff --name-only HEAD").split()) == {
        "dvc.lock",
        "metrics/split.json",
        "params.yaml",
    }
    assert "No such file or directory" in clone.dvc("repro --single-item train", code=255)
    clone.set_param("profiles.synthetic.preprocess.crop_size", 300)
    assert stages_run(clone.dvc("repro preprocess")) == ["preprocess"]
    return (
        f"{told}; the stages before it keep what they made, nothing half-written is left, and only "
        "that stage runs again"
    )


def two_at_once(scene: Scene) -> str:
    clone = scene.clone()
    clone.set_param("profiles.synthetic.split.validation_share", 0.25)
    first, stage = stopped_at_work(clone, "split")
    told = error(clone.dvc("repro split", code=255))
    stage.resume()
    printed, _ = first.communicate()
    assert first.returncode == 0, printed
    assert stages_run(clone.dvc("repro split")) == []
    return f"the second at once {told}; the first: as if alone"


def experiment_killed(scene: Scene) -> str:
    clone = scene.clone()
    share = "profiles.synthetic.split.validation_share=0.25"
    (scene.folder / "beside").mkdir(parents=True, exist_ok=True)
    log = scene.folder / "beside/log"
    process = clone.start("dvc", "exp", "run", "-S", share, "split", log=log)
    while "Running stage 'split'" not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    told = error(clone.dvc("repro --force --single-item split"))
    left = told.removeprefix("error: split: ")
    assert f"locked: {left}" in clone.run("python", "-m", "stages.workspace.lock_check", code=1)
    for recipe in commands(section("recipes.md", "After a kill of dvc itself")):
        clone.run(*recipe.split())
    assert clone.git("branch --show-current") == "main\n"
    clone.dvc("repro")
    return (
        f"the next stage goes on and says, as `make locked` does: {left}; after the "
        f"[recipe](recipes.md#after-a-kill-of-dvc-itself): {scene.right(clone)}"
    )


def cache_full(scene: Scene) -> str:
    clone = scene.clone()
    (small := scene.folder / "small").mkdir()
    if not mount_small(small, size=20):
        pytest.skip(NO_DISK)
    try:
        clone.dvc(f"cache dir --local {small}")
        told = error(clone.dvc("repro --single-item --force split", code=255))
        remount(small, 64_000)
        clone.dvc("repro --single-item split")
        assert clone.outputs()[CELLS] == scene.origin.outputs()[CELLS]
    finally:
        subprocess.run(["umount", small], check=True)
    return f"{told}; with more room: the same hashes"


def changed_in_place(scene: Scene) -> str:
    clone = scene.pulled()
    spoil(clone, mode=0o644)
    assert CELLS in clone.dvc("status split")
    assert stages_run(clone.dvc("repro")) == ["split"]
    return f"`dvc status` shows it; after `dvc repro`: {scene.right(clone)}"


def rotten(scene: Scene) -> str:
    clone = scene.pulled()
    (clone.folder / CELLS).unlink()
    right = spoil(clone, mode=0o444)
    clone.dvc("checkout")
    assert (clone.folder / CELLS).read_bytes() != right
    assert UP_TO_DATE in clone.dvc("status")
    first, second, last = commands(section("recipes.md", "Check the cache"))
    clone.run("sh", "-c", first)
    clone.run("sh", "-c", second)
    clone.dvc(last.removeprefix("dvc "))
    return (
        "**wrong bytes, and DVC does not notice**: it trusts what is read-only; after the [check "
        f"of the cache](recipes.md#check-the-cache): {scene.right(clone)}"
    )


def cache_deleted(scene: Scene) -> str:
    clone = scene.pulled()
    shutil.rmtree(clone.cache)
    assert "not in cache" in clone.dvc("status")
    clone.dvc("pull")
    return f"`dvc status` shows it; after `dvc pull`: {scene.right(clone)}"


def spoil(clone: Project, *, mode: int) -> bytes:
    """Change bytes of the cells in the cache; return them as they were."""
    hash_ = clone.outputs()[CELLS]
    path = clone.cache / f"files/md5/{hash_[:2]}/{hash_[2:]}"
    right = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(right[:-5] + b"xxxx\n")
    path.chmod(mode)
    return right
