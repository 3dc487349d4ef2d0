"""Each fault of an archive ends in one line that names the source, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.common.errors import StageError
from stages.download.bring_set import REMEDIES
from stages.download.params import DownloadParams
from tests.conftest import ROOT
from tests.download.archive_faults import FAULTS, Fault, unpack, write
from tests.download.stage import PARAMS, run_download

FIRST_OF_KIND = list({fault.kind: fault for fault in reversed(FAULTS)}.values())


def run(folder: Path, source: Path) -> str:
    params = dataclasses.replace(PARAMS.section(DownloadParams), source=str(source))
    return run_download(params, folder)


def start(folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Start the stage as DVC does, in a folder whose params.yaml has this source."""
    folder.mkdir()
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["profiles"]["synthetic"]["download"]["source"] = str(source)
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    options = ["--archive=raw/a.zip", "--external=raw/external", "--keras-home=raw/home"]
    return subprocess.run(
        [sys.executable, "-m", "stages.download", *options, "--report=metrics/report.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


def check_line(line: str, fault: Fault, source: Path) -> None:
    assert line.startswith(str(source))
    assert fault.told in line
    assert "\n" not in line
    assert ".tmp" not in line  # the user knows no temporary file
    assert "download again" not in line  # it is the user's own file
    assert "--force" not in line
    own = REMEDIES["folder" if fault.kind == "folder" else "path"]
    if fault.kind == "form":
        assert line.endswith("; expected a BMP, PNG, JPEG, TIFF or WebP image of 8 bits a channel")
    elif fault.kind != "set":  # there each fault has a remedy of its own
        assert line.endswith((f"; {own}", "; put the file or folder itself there"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_is_told_in_one_line_and_leaves_nothing(fault: Fault, tmp_path: Path) -> None:
    source = tmp_path / "source.zip"
    fault.make(source)
    with pytest.raises(StageError) as caught:
        run(tmp_path / "out", source)
    check_line(str(caught.value), fault, source)
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("fault", FIRST_OF_KIND, ids=lambda fault: fault.kind)
@pytest.mark.integration
def test_the_command_fails_without_a_traceback(fault: Fault, tmp_path: Path) -> None:
    source = tmp_path / "source.zip"
    fault.make(source)
    done = start(tmp_path / "out", source)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]  # after those of the progress
    assert line.startswith("download: ")
    assert done.stderr.count("download: ") == 1
    check_line(line.removeprefix("download: "), fault, source)
    assert files(tmp_path / "out") == ["params.yaml"]


@pytest.mark.parametrize("make", [write, unpack])
def test_without_a_fault_the_same_archive_and_folder_pass(make: object, tmp_path: Path) -> None:
    make(tmp_path / "source.zip")
    assert run(tmp_path / "out", tmp_path / "source.zip").startswith("50 images (24 ALL, 24 HEM, 2")
    assert files(tmp_path / "out") == ["cnmc.zip", "download.json", "keras.json", "sets.json"]
