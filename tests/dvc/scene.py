"""What the faults are played in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.dvc.ordeal import Ordeal
from tests.dvc.project import Project
from tests.dvc.remotes import Remote

FIRST_CACHE = "cache of the first run"
"""A folder beside the first run: its cache, before other tests add to it."""
UP_TO_DATE = "Data and pipelines are up to date."


@dataclass(frozen=True)
class Experiment:
    """An experiment that was killed and run again.

    Attributes:
        project: in which it ran, beside the workspace.
        interrupted: what it said until it was killed.
        finished: what the same command said after that.
    """

    project: Project
    interrupted: str
    finished: str


@dataclass(frozen=True)
class Pushed:
    """A clone that has pushed everything, to a remote that it has been pointed at."""

    remote: Remote
    publisher: Project
    printed: str

    def elsewhere(self, name: str) -> Project:
        """Clone it as on another machine, which has pulled nothing."""
        return self.remote.connect_alike(self.publisher.beside(name, pulled=False))


@dataclass(frozen=True)
class Scene:
    """Where a fault is brought about.

    Attributes:
        origin: what is not to be changed.
        folder: an empty folder.
        ordeal: the run that meets a full disk and two kills in every stage.
        pushed: what has been pushed to a remote of this kind.
        forked: a clone on branch X, with another learning rate.
        cross_validated: a clone with three folds and one seed, all outputs there.
    """

    origin: Project
    folder: Path
    ordeal: Callable[[], Ordeal]
    pushed: Callable[[str], Pushed]
    forked: Callable[[], Project]
    cross_validated: Callable[[], Project]

    def clone(self) -> Project:
        """A clone with all outputs, whose cache is that of the first run."""
        return self.origin.beside(self.folder.name)

    def pulled(self) -> Project:
        """A clone with all outputs in a cache of its own, from a folder that is its remote."""
        clone = self.pushed("A folder").elsewhere(self.folder.name)
        clone.dvc("pull")
        return clone

    def right(self, clone: Project) -> str:
        """Say that a clone has what the first run made. Raises AssertionError if it has not."""
        assert clone.outputs() == self.origin.outputs()
        assert UP_TO_DATE in clone.dvc("status")
        assert not list(clone.folder.rglob("*.tmp"))
        return "the same hashes"


def error(printed: str) -> str:
    """What stages and DVC say is wrong, without what differs from run to run."""
    lines = [line for line in printed.splitlines() if re.match(r"ERROR: |[a-z_]+: (?!\d)", line)]
    told = (re.sub(r"'[^']*/[^']*'|'[0-9a-f]{32}(\.dir)?'", "…", line) for line in lines)
    told = "; ".join(dict.fromkeys(line.removeprefix("ERROR: ") for line in told))
    told = re.sub(r"failed to run: .*, exited", "failed to run: …, exited", told)
    told = re.sub(r"(\S+/)?\bUID_\w+\.bmp", "…", told)
    return "error: " + re.sub(r"\b\d+ files", "… files", told)
