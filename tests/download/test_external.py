"""External test sets come in as the training cells do, beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common.errors import StageError
from stages.common.params_file import load_params
from stages.dataset.external_sets import SetChoices, external_sets
from stages.dataset.fit_rules import require_sound_fit
from stages.download.params import DownloadParams
from tests.conftest import ROOT, WriteArchive
from tests.download.external_faults import FAULTS_OF_EXTERNAL_SETS, Entries, entry
from tests.download.http_server import storing
from tests.download.stage import files, run_download


def write_params(folder: Path, external: Entries, **download: Any) -> Path:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["profiles"]["synthetic"]["download"] |= {"external": external, **download}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder / "params.yaml"


def run(folder: Path, external: Entries, **changes: Any) -> str:
    """Run the stage; its outputs are in `out` below the folder."""
    params = load_params(write_params(folder, external, **changes))
    return run_download(params.section(DownloadParams), folder / "out")


def test_sets_of_any_source_come_in_beside_the_training_cells(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    ours = write_archive(name="ours.zip")
    theirs = write_archive(name="theirs.zip")
    own = entry(tmp_path, "benign", "blast", classes={"hem": ["benign"], "all": ["blast"]})
    with storing(theirs.read_bytes()) as (_, address):
        fetched = {"name": "fetched", "source": f"{address}/theirs.zip", "fit": "exact"}
        line = run(tmp_path, [own, fetched], source=str(ours), identifiers="names")
    assert "; external zurich: 4 images (2 ALL: 2 blast; 2 HEM: 2 benign), 0 ignored, " in line
    assert "; external fetched: 50 images (24 ALL, 24 HEM, 2 preliminary), " in line
    out = tmp_path / "out"
    assert files(out / "data/raw/external") == ["fetched.zip", "sets.json", "zurich.zip"]
    assert (out / "data/raw/cnmc.zip").read_bytes() == ours.read_bytes()
    report = json.loads((out / "metrics/download.json").read_text())
    assert list(report)[-1] == "external"
    assert report["external"]["zurich"]["layout"] == "class folders"
    assert report["external"]["fetched"]["source"] == "url"
    sets = external_sets(out / "data/raw/cnmc.zip", out / "data/raw/external")
    assert [(found.name, len(found.cells)) for found in sets] == [
        ("external", 2),
        ("zurich", 4),
        ("fetched", 50),
    ]
    assert sets[1].choices == SetChoices("zurich", "whole", None, [0, 0, 0], None, False)
    assert sets[1].cells["image"].tolist() == [
        f"{label}/{number}.png" for label in ("benign", "blast") for number in range(2)
    ]


def test_each_set_says_who_has_which_pseudonym_in_a_file_of_its_own(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    run(tmp_path, [entry(tmp_path)], source=str(write_archive(name="ours.zip")))
    state = Path(os.environ["DOWNLOAD_STATE_DIR"])
    assert "all/0.png" in (state / "names-zurich.csv").read_text()
    sets = external_sets(tmp_path / "out/data/raw/cnmc.zip", tmp_path / "out/data/raw/external")
    assert not sets[1].cells["image"].str.contains("/").any()


def test_the_same_list_gives_the_same_bytes(tmp_path: Path, write_archive: WriteArchive) -> None:
    found = []
    for _ in range(2):
        run(tmp_path, [entry(tmp_path)], source=str(write_archive(name="ours.zip")))
        folder = tmp_path / "out/data/raw"
        found.append({name: (folder / name).read_bytes() for name in files(folder)})
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("make", "told"),
    [fault[1:] for fault in FAULTS_OF_EXTERNAL_SETS],
    ids=[fault[0] for fault in FAULTS_OF_EXTERNAL_SETS],
)
def test_a_fault_is_told_in_one_line_and_leaves_nothing(
    make: Any, told: str, tmp_path: Path, write_archive: WriteArchive
) -> None:
    entries = make(tmp_path)
    with pytest.raises(StageError) as caught:
        run(tmp_path, entries, source=str(write_archive(name="ours.zip")))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or files(tmp_path / "out") == []


@pytest.mark.integration
def test_the_command_tells_a_fault_without_a_traceback(tmp_path: Path) -> None:
    write_params(tmp_path, [entry(tmp_path), entry(tmp_path)])
    options = ["--archive=a.zip", "--external=e", "--keras-home=home", "--report=report.json"]
    done = subprocess.run(
        [sys.executable, "-m", "stages.download", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("download: download.external names zurich twice (")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("fit", ["exact", "crop", "whole"])
def test_what_goes_together_is_sound(fit: str) -> None:
    size = 40 if fit == "crop" else None
    require_sound_fit(fit, crop_size=size, microns_per_pixel=None, where="preprocess")
