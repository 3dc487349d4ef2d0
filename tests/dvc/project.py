"""Clones of this project, and the real git and DVC in them, as a user's shell would have them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from tests.conftest import ROOT
from tests.small_base import make_base_small

BIN = Path(sys.executable).parent
FILES = "ls-files --cached --others --exclude-standard"
PINS = ["requirements", "requirements-gpu", "requirements-dev", "requirements-export"]
STAGES = ["download", "split", "preprocess", "train", "evaluate"]
TINY = {
    "model.base": "EfficientNetB0",
    "profiles.synthetic.download.synthetic_cells": 320,
    "profiles.synthetic.preprocess.image_size": 32,
    "profiles.synthetic.train.optimizer": "SGD",
    "profiles.synthetic.train.epochs": 1,
    "profiles.synthetic.train.cooldown_steps": 0,
    "profiles.synthetic.train.batch_size": 40,
    "profiles.synthetic.train.checkpoint_every_steps": 1,
}
"""Parameters with which half a minute is enough for every stage.

SGD takes a third less CPU time for a training than the recipe's Adamax. What Adamax keeps through a
kill is compared in tests/train/test_loop.py.
"""
CROSS_VALIDATION = ("cross_validation/dvc.yaml", "cross_validation/dvc.lock")
"""Without these files the project has one pipeline. What a run of the second is worth is its own
test; without a run, `dvc status` and `dvc pull` would speak of it in all others."""
COMPRESSION = {
    "bz2.compress(content)": "zlib.compress(content, 1, wbits=-15)",
    "zipfile.ZIP_BZIP2": "zipfile.ZIP_DEFLATED",
}
"""How images of the archive are compressed, and what takes a fifth of the time. All bytes that are
compared here are made with the same build of zlib."""
GROUP = 65_530
"""The group of the users whose commands `run_as` runs, by a number that has no name."""
RATE = "profiles.synthetic.train.learning_rate"


@dataclass(frozen=True)
class Project:
    """A working tree, and the environment of the commands that are run in it.

    Attributes:
        folder: the working tree.
        environment: of the commands.
        shared_cache: the cache of another one that it uses; None if it has its own.
        user: who runs the commands, by number; None for the user of the tests.
    """

    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    shared_cache: Path | None = None
    user: int | None = None

    @property
    def cache(self) -> Path:
        """The folder of the cache, shared or not."""
        return self.shared_cache or self.folder / ".dvc/cache"

    def run(self, *command: str | Path, code: int = 0) -> str:
        """Run a command, expect its exit code, and return all that it prints."""
        process = self.start(*command)
        printed, _ = process.communicate()
        assert process.returncode == code, printed
        return printed

    def dvc(self, command: str, *, code: int = 0) -> str:
        """Run a command of DVC in which only spaces part the words."""
        return self.run("dvc", *command.split(), code=code)

    def git(self, command: str, *, message: str | None = None, code: int = 0) -> str:
        """Run a command of git in which, but for the message, only spaces part the words."""
        words = [*command.split(), *(["--message", message] if message else [])]
        return self.run("git", *words, code=code)

    def start(self, *command: str | Path, log: Path | None = None) -> subprocess.Popen[str]:
        """Start a command in a session of its own; what it prints goes to `log` or a pipe."""
        with log.open("wb") if log else contextlib.nullcontext(subprocess.PIPE) as output:
            return subprocess.Popen(
                command if self.user is None else [*run_as(self.user), *command],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def with_variables(self, variables: Mapping[str, str]) -> Project:
        """The same, where commands find these variables as well."""
        return replace(self, environment={**self.environment, **variables})

    def set_param(self, key: str, value: object) -> None:
        """Edit params.yaml, as by hand."""
        path = self.folder / "params.yaml"
        text = edited(path.read_text(encoding="utf-8"), key, value)
        # A new file, as sed and editors make it. Where one is written over within a second after
        # the checkout, and keeps its size, git sees no change once DVC has written the index.
        path.with_suffix(".new").write_text(text, encoding="utf-8")
        path.with_suffix(".new").replace(path)

    def commit(self, message: str) -> None:
        """Commit what has changed in files that git knows."""
        self.git("commit --all --quiet", message=message)

    def clone(self, folder: Path, *options: str, pulled: bool = True) -> Project:
        """Clone by git; with `pulled`, share the cache and check out, as if all were pulled."""
        source = self.folder.as_uri() if "--depth" in options else self.folder
        self.run("git", "clone", "--quiet", *options, source, folder)
        cloned = replace(self, folder=folder, shared_cache=self.cache if pulled else None)
        if pulled:
            # As `dvc cache dir --local` writes it, without a start of DVC for each of the clones.
            settings = f"[cache]\n    dir = {self.cache}\n"
            (folder / ".dvc/config.local").write_text(settings, encoding="utf-8")
            cloned.dvc("checkout --quiet")
        return cloned

    def beside(self, name: str, *, pulled: bool = True) -> Project:
        """Clone into a folder that has the same default remote."""
        return self.clone(self.folder.with_name(name), pulled=pulled)

    def outputs(self) -> dict[str, str]:
        """What dvc.lock says of every output: its hash."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}

    def objects(self) -> set[str]:
        """The hashes of the objects in the cache."""
        found = (self.cache / "files/md5").glob("??/*")
        return {path.parent.name + path.name for path in found}

    def runs(self) -> set[str]:
        """The entries of the run-cache."""
        return {path.name for path in (self.cache / "runs").glob("*/*/*")}


def run_as(user: int) -> list[str]:
    """What runs a command as another user, in the group GROUP; only root can.

    That user may still read everything, for Python may lie in the home of root.
    """
    caps = "-all,+dac_read_search"
    names = [f"--reuid={user}", f"--regid={GROUP}", "--clear-groups"]
    names += ["--securebits=+no_setuid_fixup"]  # else access(2) knows nothing of that right
    return ["setpriv", *names, f"--inh-caps={caps}", f"--ambient-caps={caps}", "--"]


def edited(text: str, key: str, value: object) -> str:
    """Set the value at a dotted key in YAML, and leave all else, comments included, as it is."""
    pattern, indent = r"\A", ""
    for part in key.split("."):
        pattern += rf"(?:.*\n)*?{indent}{part}:"
        indent += "  "
    found = re.search(rf"({pattern}) [^#\n]*?(?=$| *#)", text, re.MULTILINE)
    assert found is not None, f"no {key}"
    written = "null" if value is None else str(value).lower() if value is True else str(value)
    return f"{found[1]} {written}{text[found.end() :]}"


def stages_run(output: str) -> list[str]:
    """The stages whose commands a `dvc repro` or `dvc exp run` has run."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def stages_restored(output: str) -> list[str]:
    """The stages that it took from the run-cache."""
    return [stage for stage in STAGES if f"Stage '{stage}' is cached - skipping run" in output]


def tiny_project(folder: Path, environment: Mapping[str, str]) -> Project:
    """Commit the files that git knows in this repository, committed or not, and make it tiny."""
    project = Project(folder, environment)
    for name in Project(ROOT, environment).git(FILES).splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for key, value in TINY.items():
        project.set_param(key, value)
    for name in CROSS_VALIDATION:  # tried in tests/dvc/test_cross_validation.py
        (folder / name).unlink(missing_ok=True)
    make_base_small(folder)
    writer = folder / "stages/download/zip_writer.py"
    text = writer.read_text(encoding="utf-8")
    for compressed, stored in COMPRESSION.items():
        assert compressed in text, f"{writer} does not compress with {compressed}"
        text = text.replace(compressed, stored)
    writer.write_text(text, encoding="utf-8")
    project.git("init --quiet --initial-branch=main")
    project.git("add --all")
    project.commit("Make it tiny")
    return project


def make(project: Project, *arguments: str, code: int = 0) -> str:
    """Run make in the environment of the tests, as if make had set it up."""
    stamps = [f"{sys.prefix}/.{name}.txt" for name in PINS] + [f"{sys.prefix}/.onnxruntime-web"]
    known = [part for stamp in stamps for part in ("-o", stamp)]
    alone = "--no-print-directory"  # as it is where no other make runs the tests
    return project.run("make", alone, f"VENV={sys.prefix}", *known, *arguments, code=code)


def user_environment(settings: Path, *, home: Path) -> dict[str, str]:
    """The environment of a user whose own settings of git and DVC lie under `settings`."""
    # MAKE…: `make test` has set them, and another make would then name the folders it enters.
    others = ("GIT_", "DVC_", "MAKE", "MFLAGS")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    environment |= {
        "HOME": str(home),
        "PATH": f"{BIN}{os.pathsep}{environment['PATH']}",
        "TRAIN_STATE_DIR": str(settings / "train-state"),
        "DVC_SITE_CACHE_DIR": str(settings / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(settings / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(settings / "system"),
        "DVC_NO_ANALYTICS": "1",
        "NO_PROXY": "*",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Tester", f"GIT_{role}_EMAIL": "tester@example.org"}
    return environment
