"""`make relock`: new hashes in dvc.lock for code in which nothing that counts has changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.project import RATE, Project, make, stages_restored, stages_run, user_environment

RELOCK = ("python", "-m", "stages.workspace.relock")
TRAIN = RATE.rpartition(".")[0]
PIPELINE = f"""\
stages:
  download:
    cmd: python code/download/make.py data
    deps: [code/download, code/shared.py]
    outs: [data]
  train:
    cmd: python code/train/make.py model metrics.json
    deps: [requirements.txt, data, code/train, code/shared.py]
    params: [{TRAIN}]
    outs: [model]
    metrics:
      - metrics.json: {{cache: false}}
"""
MAKE = '''\
"""Make."""

import pathlib, sys

for name in sys.argv[1:]:
    pathlib.Path(name).write_text("{}")  # as empty as it gets
'''
FILES = {
    ".dvc/config": "",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".gitignore": "/data\n/model\n",
    ".dvcignore": "__pycache__/\n",
    "dvc.yaml": PIPELINE,
    "code/download/make.py": MAKE,
    "code/train/make.py": MAKE,
    "code/train/parts/page.css": "a {}\n",
    "code/shared.py": "SEED = 1\n",
    "requirements.txt": "a==1\n",
}


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline of two quick stages, run and committed."""
    place = tmp_path_factory.mktemp("relock")
    environment = user_environment(place / "settings", home=place) | {"PYTHONPATH": str(ROOT)}
    project = Project(place / "project", environment)
    for name, text in FILES.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("params.yaml", "Makefile"):
        shutil.copy(ROOT / name, project.folder)
    project.git("init --quiet --initial-branch=main")
    project.git("add --all")
    project.commit("Code")
    project.dvc("repro")
    project.git("add --all")
    project.commit("Results")
    return project


@pytest.fixture
def project(committed: Project, tmp_path: Path) -> Project:
    """The same elsewhere, with a cache of its own."""
    shutil.copytree(committed.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project", committed.environment)


def edit(project: Project, name: str, old: str, new: str) -> None:
    path = project.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def comment(project: Project) -> None:
    edit(project, "code/shared.py", "SEED", "# For all.\nSEED")
    edit(project, "code/train/make.py", '"""Make."""', '"""Make files."""')
    edit(project, "requirements.txt", "a==1", "# why\na==1")


def written(project: Project) -> list[tuple[int, int]]:
    """When the outputs were written, and as which files."""
    found = [(project.folder / name).stat() for name in ("data", "model", "metrics.json")]
    return [(status.st_ino, status.st_mtime_ns) for status in found]


def lock(project: Project) -> str:
    return (project.folder / "dvc.lock").read_text()


def test_dvc_lock_is_what_dvc_commit_would_make_and_nothing_runs(project: Project) -> None:
    comment(project)
    before = lock(project)
    made = written(project)

    printed = make(project, "relock")

    assert printed.endswith(
        "dvc.lock has the new hashes of code/shared.py, code/train, requirements.txt for download, "
        "train: nothing but comments, docstrings and layout differs. No stage has run. Commit "
        "the lock files with the code.\n"
    )
    assert written(project) == made
    relocked = lock(project)
    project.git("checkout --quiet -- dvc.lock")
    project.dvc("commit --force")
    assert lock(project) == relocked != before
    assert stages_run(project.dvc("repro")) == []
    assert project.run(*RELOCK) == "dvc.lock has the hashes of this code already.\n"


def test_it_needs_no_data(project: Project) -> None:
    comment(project)
    for gone in ("data", "model", ".dvc/cache"):
        project.run("rm", "-r", gone)
    project.run(*RELOCK)
    assert project.git("diff --name-only").split() == [
        "code/shared.py",
        "code/train/make.py",
        "dvc.lock",
        "requirements.txt",
    ]


def test_other_parameters_and_back_again_find_the_outputs(project: Project) -> None:
    comment(project)
    project.run(*RELOCK)
    project.commit("Say why")
    project.set_param(RATE, 0.5)
    assert stages_run(project.dvc("repro")) == ["train"]
    project.git("checkout --quiet -- params.yaml")
    assert stages_restored(project.dvc("repro")) == ["train"]
    assert project.git("status --porcelain") == ""


def test_the_recorded_code_may_lie_several_commits_back(project: Project) -> None:
    comment(project)
    project.commit("Say why")
    edit(project, "code/shared.py", "SEED = 1", "SEED = 2")
    project.commit("A change that is taken back")
    edit(project, "code/shared.py", "SEED = 2", "SEED = (1)")
    project.run(*RELOCK)
    assert stages_run(project.dvc("repro")) == []


DIFFERS = "differs in more than comments, docstrings and layout, first in the statement from line"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: edit(it, "code/shared.py", "= 1", "= 2"), f"code/shared.py {DIFFERS} 2 on"),
        (
            lambda it: edit(it, "code/train/make.py", "{}", "[]"),
            f"code/train/make.py {DIFFERS} 5 on",
        ),
        (
            lambda it: edit(it, "code/train/parts/page.css", "a", "b"),
            "code/train/parts/page.css differs, and of such a file every byte counts",
        ),
        (lambda it: (it.folder / "code/train/new.py").touch(), "code/train/new.py is new"),
        (lambda it: (it.folder / "code/train/make.py").unlink(), "code/train/make.py is gone"),
        (lambda it: (it.folder / "code/shared.py").unlink(), "code/shared.py is deleted"),
        (
            lambda it: edit(it, "requirements.txt", "a==1", "a==2"),
            "requirements.txt differs in more than comments and layout",
        ),
        (lambda it: it.set_param(RATE, 0.5), f"train: params.yaml is modified ({TRAIN})"),
        (lambda it: edit(it, "dvc.yaml", "make.py data", "make.py ./data"), "changed command"),
        (lambda it: edit(it, "metrics.json", "{}", "[]"), "train: metrics.json is modified"),
        (lambda it: edit(it, "data", "{}", "[]"), "train: data is modified"),
    ],
)
def test_all_else_is_refused_and_named(
    project: Project, change: Callable[[Project], object], said: str
) -> None:
    comment(project)
    change(project)
    before = lock(project)
    printed = project.run(*RELOCK, code=1)
    assert said in printed
    assert "Traceback" not in printed
    assert printed.endswith(
        "dvc.lock stays as it is: run `dvc repro` instead, or take the changes back.\n"
    )
    assert lock(project) == before


def test_where_no_commit_has_the_recorded_code_this_is_said(project: Project) -> None:
    edit(project, "code/shared.py", "= 1", "= 2")
    project.dvc("repro")
    edit(project, "code/shared.py", "= 2", "= 2  # a comment")
    printed = project.run(*RELOCK, code=1)
    assert re.search(
        r"^code/shared\.py differs, and with which code its stages ran is not", printed
    )


def test_where_there_is_no_lock_nothing_is_written(project: Project) -> None:
    (project.folder / "dvc.lock").unlink()
    printed = project.run(*RELOCK, code=1)
    assert "train: code/train is modified" in printed
    assert not (project.folder / "dvc.lock").exists()
