"""A commit gives the same bytes on every processor, and whatever the user's environment says."""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.portable import EMULATED, FOLDS, HERE, HOSTILE_CORE, QEMU, run, tiny_pipeline

pytestmark = [
    pytest.mark.integration,
    pytest.mark.portable,
    pytest.mark.skipif(
        platform.machine() != "x86_64" or not shutil.which("taskset"),
        reason="promised of x86-64 processors alone, and tried with taskset, of Linux",
    ),
]

Digests = dict[str, str]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Digests:
    return run(HERE, tiny_pipeline(tmp_path_factory.mktemp("here") / "project"))


def test_every_output_and_metric_is_compared(here: Digests) -> None:
    assert {"data/raw/cnmc.zip", "models/model.keras", "metrics/report.html"} < here.keys()
    members = {f"cross_validation/members/fold-{fold}-seed-1/model.keras" for fold in FOLDS}
    assert members < here.keys()
    assert {"cross_validation/metrics/out_of_fold.json", "models/ensemble.keras"} < here.keys()
    assert len(here) > 40


def test_on_one_core_with_variables_of_the_user_that_change_bits_they_are_the_same(
    here: Digests, tmp_path: Path
) -> None:
    assert run(HOSTILE_CORE, tiny_pipeline(tmp_path / "project")) == here


@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64 is not installed (Debian: qemu-user)")
def test_another_processor_goes_on_with_a_killed_training_and_makes_the_same(
    here: Digests, tmp_path: Path
) -> None:
    haswell = replace(EMULATED["Haswell-v4"], resumes=True)
    assert run(haswell, tiny_pipeline(tmp_path / "project")) == here
