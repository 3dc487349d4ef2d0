"""What all tests of DVC share: one run of the pipeline, and remotes that have its outputs.

Named in `pytest_plugins`.
"""

from __future__ import annotations

import contextlib
import functools
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dvc.clones import Clone
from tests.dvc.first_run import make_first_run
from tests.dvc.ordeal import Ordeal, go_through
from tests.dvc.remotes import REMOTES
from tests.dvc.scene import Pushed, Scene


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """What a test commits or pushes it does in a clone of this one."""
    return make_first_run(tmp_path_factory.mktemp("first-run") / "project")


@pytest.fixture(scope="session")
def pushed_to(
    first_run: Clone, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Pushed]]:
    """Serve a remote of a kind, push everything to it, and keep it for who asks for it again."""
    with contextlib.ExitStack() as serving:

        @functools.cache
        def push(kind: str) -> Pushed:
            base = tmp_path_factory.mktemp("remote")
            remote = serving.enter_context(REMOTES[kind](base))
            publisher = remote.connect(first_run.clone(f"to-{base.name}", shares_cache=True))
            publisher.git("commit --all --quiet", message="Another remote")
            return Pushed(remote, publisher, publisher.dvc("push"))

        yield push


@pytest.fixture(scope="session")
def ordeal(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Ordeal]]:
    """Let a clone without cache meet its faults beside other tests: it takes minutes of a core."""
    disk, beside = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("beside-disk")
    with ThreadPoolExecutor(1) as thread:
        yield (begun := thread.submit(go_through, first_run, disk=disk, beside=beside))
        begun.exception()
    subprocess.run(["umount", disk], check=False, capture_output=True)


@pytest.fixture
def scene(
    first_run: Clone,
    pushed_to: Callable[[str], Pushed],
    ordeal: Future[Ordeal],
    tmp_path: Path,
) -> Scene:
    return Scene(first_run, tmp_path, ordeal, pushed_to)
