"""Run both tiny pipelines on unlike processors and in unlike environments, and compare every byte.

    python -m tests.pipeline.portable

Needs qemu-x86_64 for other processors (Debian: qemu-user), which take some minutes each.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stages.common.portable_environment import decides_arithmetic
from tests.conftest import ROOT, tiny_members
from tests.dvc.project import edited
from tests.small_base import make_base_small

QEMU = shutil.which("qemu-x86_64")
PIPELINES = ("dvc.yaml", "cross_validation/dvc.yaml")
FOLDS, SEEDS = [1, 2, 3], [1]
TINY = {
    "model.base": "EfficientNetB0",
    "model.dense.units": 8,
    "cross_validation.folds": FOLDS,
    "cross_validation.seeds": SEEDS,
    "profiles.synthetic.download.source": "cnmc.zip",
    "profiles.synthetic.preprocess.crop_size": 34,
    "profiles.synthetic.preprocess.image_size": 32,
    "profiles.synthetic.train.epochs": 2,
    "profiles.synthetic.train.batch_size": 8,
    "profiles.synthetic.train.cooldown_steps": 2,
    "profiles.synthetic.train.augmentation.rotation_degrees": 180,
    "profiles.synthetic.train.augmentation.brightness": 0.1,
    "profiles.synthetic.train.augmentation.stain": 0.1,
    "profiles.synthetic.train.label_smoothing": 0.1,
    "profiles.synthetic.train.ema_decay": 0.9,
    "profiles.synthetic.evaluate.tta": "d4",
}
HOSTILE = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    "KERAS_MAX_EPOCHS": "1",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "NVIDIA_TF32_OVERRIDE": "0",
    "OMP_NUM_THREADS": "3",
    "ONEDNN_MAX_CPU_ISA": "AVX",
    "OPENBLAS_CORETYPE": "Nehalem",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_NUM_INTEROP_THREADS": "3",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_SET_ONEDNN_FPMATH_MODE": "bf16",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
}
"""Variables of a user, each of which would change bits."""


@dataclass(frozen=True)
class Machine:
    """A way to run Python.

    Attributes:
        name: what is unlike.
        prefix: words before the command of Python.
        environment: variables of the user.
        resumes: whether it goes on with a training that was killed here after its first epoch.
    """

    name: str
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    resumes: bool = False


HERE = Machine("this machine")
CORE = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
HOSTILE_CORE = Machine(
    "one core and hostile variables",
    ("taskset", "--cpu-list", str(CORE)),
    environment=HOSTILE,
)
EMULATED = {
    processor: Machine(processor, (str(QEMU),), {"QEMU_CPU": processor})
    for processor in ("Haswell-v4", "Broadwell-v4", "Skylake-Client-v4", "EPYC-Rome-v1")
}


def tiny_pipeline(folder: Path) -> Path:
    """Copy the code and tiny parameters into a new folder, with an archive of tiny cells."""
    folder.mkdir()
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copy(ROOT / "requirements.txt", folder)
    make_base_small(folder)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for key, value in TINY.items():
        params = edited(params, key, value)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    with zipfile.ZipFile(folder / "cnmc.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in tiny_members().items():
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), content)
    return folder


def run(machine: Machine, folder: Path) -> dict[str, str]:
    """Run every stage on a machine, and return the MD5 of every output and metric by its path."""
    stages = dict(_stages())
    for name, stage in stages.items():
        if name == "train" and machine.resumes:
            _begin_training(stage["cmd"], folder)
        done = _start(stage["cmd"], machine, folder)
        printed, _ = done.communicate()
        assert done.returncode == 0, f"{machine.name}: {printed}"
        assert name != "train" or machine.resumes == ("Resumed after 1 epochs" in printed), printed
    written = [folder / path for stage in stages.values() for path in _outputs(stage)]
    files = [file for path in written for file in ([path] if path.is_file() else path.rglob("*"))]
    return {
        file.relative_to(folder).as_posix(): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(files)
        if file.is_file()
    }


def _stages() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the stages of both pipelines by their names, each member's by its fold and seed."""
    for pipeline in PIPELINES:
        stages = yaml.safe_load((ROOT / pipeline).read_text(encoding="utf-8"))["stages"]
        for name, stage in stages.items():
            if "matrix" not in stage:
                yield name, stage
                continue
            for fold, seed in itertools.product(FOLDS, SEEDS):
                text = json.dumps(stage).replace("${item.fold}", str(fold))
                yield f"{name}@{fold}-{seed}", json.loads(text.replace("${item.seed}", str(seed)))


def _begin_training(command: str, folder: Path) -> None:
    """Train here, and kill the stage when the checkpoint of its first epoch is there."""
    process = _start(command, HERE, folder)
    while not list(folder.glob("state/*/checkpoint-*")):
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.01)
    process.kill()
    process.communicate()


def _start(command: str, machine: Machine, folder: Path) -> subprocess.Popen[str]:
    words = shlex.split(command.removeprefix("exec "))[1:]
    # QEMU takes the program itself, not the link to it in a virtual environment.
    python = [*machine.prefix, os.path.realpath(sys.executable), *words]
    packages = os.pathsep.join([str(folder), sysconfig.get_path("purelib")])
    own = {name: value for name, value in os.environ.items() if not decides_arithmetic(name)}
    own |= {"PYTHONPATH": packages, "TRAIN_STATE_DIR": str(folder / "state")}
    return subprocess.Popen(
        python,
        cwd=folder,
        env=own | machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _outputs(stage: Mapping[str, Any]) -> list[str]:
    listed = [*stage["outs"], *stage.get("metrics", []), *stage.get("plots", [])]
    return [next(iter(output)) if isinstance(output, dict) else output for output in listed]


def main() -> int:
    """Run it on all of them; print which files differ, and return 1 if any does."""
    with tempfile.TemporaryDirectory() as base:
        results = {}
        for machine in [HERE, HOSTILE_CORE, *(EMULATED.values() if QEMU else [])]:
            folder = tiny_pipeline(Path(base, machine.name))
            results[machine.name] = run(machine, folder)
            unlike = unlike_files(results[HERE.name], results[machine.name])
            same = len(results[machine.name]) - len(unlike)
            print(f"{machine.name}: {same} files the same", *unlike, sep="\n  ", flush=True)
        return int(any(result != results[HERE.name] for result in results.values()))


def unlike_files(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return the paths of files that differ or are not in both."""
    return sorted({path for path, _ in expected.items() ^ found.items()})


if __name__ == "__main__":
    sys.exit(main())
