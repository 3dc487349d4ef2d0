"""Clones of the project in which a minute is enough, and the real `dvc` and `git` in them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
STAGES = ["download", "split", "preprocess", "train", "evaluate"]


@dataclass(frozen=True)
class Clone:
    """A clone, and the environment in which commands run there.

    Attributes:
        variables: what the environment has beside that of the tests.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str | Path, status: int = 0) -> str:
        """Run a command of the environment that pytest runs in; return what it prints."""
        process = self.start(*command)
        printed, _ = process.communicate()
        assert process.returncode == status, printed
        return printed

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start a command as the head of a group of its own."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment(self.folder.parent) | self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def dvc(self, command: str, *, status: int = 0) -> str:
        return self.run("dvc", *command.split(), status=status)

    def git(self, command: str, *, message: str | None = None) -> str:
        return self.run("git", *command.split(), *(["--message", message] if message else []))

    def clone(self, name: str, *, shares_cache: bool = False) -> Clone:
        """Clone this one as it is committed, to beside it."""
        folder = self.folder.with_name(name)
        self.git(f"clone --quiet . {folder}")
        cloned = Clone(folder, self.variables)
        if shares_cache:
            cloned.dvc(f"cache dir --local {self.cache}")
            cloned.dvc("checkout --quiet")
        return cloned

    @property
    def cache(self) -> Path:
        """Where the cache is."""
        return Path(self.dvc("cache dir").strip())

    def objects(self) -> set[str]:
        """The hashes in the cache."""
        return names_of_objects(self.cache)

    def runs(self) -> set[str]:
        """The entries of the run-cache."""
        return {path.name for path in (self.cache / "runs").glob("*/*/*")}

    def outputs(self) -> dict[str, str]:
        """What dvc.lock says of every output: its hash."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}

    def change(self, stage: str, **values: object) -> None:
        """Change parameters of a stage."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params["profiles"]["synthetic"][stage] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))


def environment(home: Path) -> dict[str, str]:
    """The environment of this process, with a home, a DVC and a git that know nothing yet."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DVC_"))}
    own |= {
        "HOME": str(home),
        "NO_PROXY": "*",
        "PATH": f"{BIN}{os.pathsep}{own['PATH']}",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site-cache"),
    }
    for role in ("AUTHOR", "COMMITTER"):
        own |= {f"GIT_{role}_NAME": "Tester", f"GIT_{role}_EMAIL": "tester@example.org"}
    return own


def names_of_objects(store: Path) -> set[str]:
    """The hashes of the objects in a cache or a remote that is a folder."""
    found = (store / "files/md5").glob("??/*")
    return {path.parent.name + path.name for path in found if not path.name.endswith(".tmp")}


def stages_run(printed: str) -> list[str]:
    return [stage for stage in STAGES if f"Running stage '{stage}'" in printed]
