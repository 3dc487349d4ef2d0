"""What all tests of DVC share: one run of the pipeline, and remotes that have its outputs.

Named in `pytest_plugins`.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.dvc.clones import ROOT, Clone
from tests.dvc.remotes import REMOTES
from tests.dvc.scene import Pushed

TINY = {
    "download": {"synthetic_cells": 320},
    "preprocess": {"image_size": 32},
    "train": {"epochs": 1, "batch_size": 40},
}


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The files that git knows here, tiny parameters, and all that the pipeline makes of them.

    What a test commits or pushes it does in a clone of this one.
    """
    made = Clone(tmp_path_factory.mktemp("first-run") / "project")
    listed = Clone(ROOT).git("ls-files --cached --others --exclude-standard")
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made.folder / name)
    for stage, values in TINY.items():
        made.change(stage, **values)
    params = made.folder / "params.yaml"
    params.write_text(params.read_text().replace("EfficientNetB3", "EfficientNetB0"))
    made.git("init --quiet --initial-branch=main")
    made.git("add --all")
    made.dvc("repro")
    made.git("add --all")
    made.git("commit --quiet", message="The tiny pipeline, and what it has made")
    return made


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
