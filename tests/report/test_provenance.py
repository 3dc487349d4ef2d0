from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.common.files import write_json
from stages.report.provenance import PACKAGES, provenance

DVC = Path(sys.executable).with_name("dvc")
RESULTS = {"test": {"accuracy": 0.5}}


@pytest.mark.integration
def test_files_and_folders_have_the_hashes_that_dvc_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("folder/index.json", "folder/test/a.bin", "folder/test.bin", "table.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
    for command in (["init", "--no-scm", "--quiet"], ["add", "--quiet", "folder", "table.csv"]):
        subprocess.run([DVC, *command], check=True)
    inputs = [Path("folder"), Path("table.csv")]

    found = provenance(RESULTS, profile="synthetic", train={"device": "CPU"}, inputs=inputs)

    tracked = {
        str(path): yaml.safe_load(Path(f"{path}.dvc").read_text())["outs"][0]["md5"]
        for path in inputs
    }
    assert found["dvc_lock"] == tracked
    assert found["device"] == "CPU"
    assert set(found["versions"]) == set(PACKAGES)


def test_the_revision_is_found_by_the_file_of_the_results(tmp_path: Path) -> None:
    write_json(RESULTS, tmp_path / "test.json")
    digest = hashlib.md5((tmp_path / "test.json").read_bytes()).hexdigest()

    found = provenance(RESULTS, profile="synthetic", train={}, inputs=[])

    assert found["revision"] == f"git log --oneline --reverse -S {digest} -- dvc.lock"
