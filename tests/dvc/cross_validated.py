"""A tiny clone with the second pipeline: three folds, one seed."""

from __future__ import annotations

import re
import shutil

import yaml

from tests.conftest import ROOT
from tests.dvc.project import Project

PIPELINE = "cross_validation/dvc.yaml"
MEMBERS = ["1-1", "2-1", "3-1"]


def with_cross_validation(project: Project) -> Project:
    """Give a tiny clone three folds and one seed."""
    shutil.copy2(ROOT / PIPELINE, project.folder / PIPELINE)
    project.set_param("cross_validation.folds", "[1, 2, 3]")
    project.set_param("cross_validation.seeds", "[1]")
    project.git("add --all")
    project.commit("Three folds")
    return project


def ran(printed: str) -> list[str]:
    """The stages that a `dvc repro` has run, sorted."""
    return sorted(re.findall(r"Running stage '(?:\S+:)?(\S+)'", printed))


def outputs(project: Project) -> dict[str, str]:
    """What cross_validation/dvc.lock says of every output: its hash."""
    lock = yaml.safe_load((project.folder / "cross_validation/dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}
