"""Names of images and people in an own set reach nothing that git or a remote gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages.dataset.cell_table import read_cells
from tests.conftest import ROOT, bmp
from tests.evaluate.conftest import SIZE, brightness_model, save
from tests.original_names import places_of

pytestmark = pytest.mark.integration

PEOPLE = {
    "all": ["Müller", "Meyer-Schmidt", "O'Neil", "王芳", "Kowalski", "Nowak"],
    "hem": ["Rossi", "García", "Ивановa", "Smith", "Dubois", "Haddad"],
}
ELSEWHERE = {"all": ["Jansen", "Virtanen"], "hem": ["Papadopoulos", "Horvat"]}
NAMES = [name for of in (PEOPLE, ELSEWHERE) for people in of.values() for name in people]


def write_set(folder: Path, people_of: dict[str, list[str]] = PEOPLE, *, seed: int = 0) -> None:
    """Images named after people, and a table that names them, too."""
    rows = []
    for label, people in people_of.items():
        for number, person in enumerate(people):
            for cell in range(8):
                name = f"{label}/{person} {cell}.bmp"
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                brightness = 160 if label == "all" else 90
                content = bmp(seed + len(rows), size=SIZE, brightness=brightness)
                (folder / name).write_bytes(content)
                scanner = "AB"[number % 2]
                rows.append((name, label, person, f"{person}/slide", str(cell), scanner))
    columns = ["file_name", "label", "subject", "field", "cell", "scanner"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metadata.csv", index=False)


def run(stage: str, project: Path, **paths: str) -> subprocess.CompletedProcess[str]:
    options = [f"--{name.replace('_', '-')}={path}" for name, path in paths.items()]
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *options],
        cwd=project,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PSEUDONYM_KEY": str(project.parent / "key"),
            "DOWNLOAD_STATE_DIR": str(project.parent / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def run_all(folder: Path, *, identifiers: str) -> Path:
    """Run all stages but train, whose model knows no names; return the folder of all outputs."""
    project = folder / "project"
    project.mkdir(parents=True)
    write_set(folder / "set")
    write_set(folder / "elsewhere", ELSEWHERE, seed=500)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    chosen = params["profiles"]["synthetic"]
    chosen["download"] |= {"source": str(folder / "set"), "identifiers": identifiers}
    elsewhere = {"name": "elsewhere", "source": str(folder / "elsewhere"), "fit": "exact"}
    chosen["download"]["external"] = [elsewhere]
    chosen["split"] |= {"strategy": "subject", "validation_share": 0.34, "test_share": 0.33}
    chosen["preprocess"] |= {"fit": "exact", "crop_size": None, "image_size": SIZE}
    chosen["evaluate"] |= {"subgroups": ["scanner"]}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    run(
        "download",
        project,
        archive="data/raw/cnmc.zip",
        external="data/raw/external",
        keras_home="data/raw/keras_home",
        report="metrics/download.json",
    )
    tables = {"cells_csv": "data/splits/cells.csv", "external_csv": "data/splits/external.csv"}
    run(
        "split",
        project,
        archive="data/raw/cnmc.zip",
        external="data/raw/external",
        given_csv="given_split.csv",
        identical_csv="data/splits/identical_images.csv",
        report="metrics/split.json",
        **tables,
    )
    shards = {
        "training_shards": "data/shards/training",
        "external_shards": "data/shards/external",
        "appearance_csv": "data/appearance.csv",
    }
    archives = {"archive": "data/raw/cnmc.zip", "external": "data/raw/external"}
    run("preprocess", project, **archives, **shards)
    evaluate(project, tables | shards)
    (project / "params.yaml").unlink()  # the path of the source is the user's own to choose
    return project


def evaluate(project: Path, paths: dict[str, str]) -> None:
    (project / "models").mkdir()
    save(brightness_model(), project / "models/model.keras")
    trained = {"crop_size": SIZE, "image_size": SIZE, "class_names": ["hem", "all"]}
    (project / "metrics/train.json").write_text(
        json.dumps({"device": "CPU", "threads": 2, "cells": trained})
    )
    (project / "metrics/history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n1,0.7,0.5,0.69,0.5,0.001\n"
    )
    reports = ("download", "split", "train")
    tables = ("predictions", "roc", "precision_recall", "reliability", "confusion", "history")
    run(
        "evaluate",
        project,
        shards=paths["training_shards"],
        **{name: path for name, path in paths.items() if name != "training_shards"},
        model_keras="models/model.keras",
        **{f"{name}_report": f"metrics/{name}.json" for name in (*reports, "test")},
        **{f"{name}_csv": f"metrics/{name}.csv" for name in tables},
        gallery="metrics/gallery",
        model_metadata="models/metadata.json",
        report_html="metrics/report.html",
    )


def outputs(project: Path) -> list[tuple[str, bytes]]:
    files = [path for path in sorted(project.rglob("*")) if path.is_file()]
    return [
        (name := str(path.relative_to(project)), name.encode() + path.read_bytes())
        for path in files
    ]


def test_pseudonyms_leave_no_name_in_any_output(tmp_path: Path) -> None:
    project = run_all(tmp_path / "hidden", identifiers="pseudonyms")

    assert places_of(NAMES, outputs(project)) == []
    cells = read_cells(project / "data/splits/cells.csv")
    assert cells["subject"].nunique() == 12  # they stay twelve people
    outside = read_cells(project / "data/splits/external.csv", external=True)
    assert outside["subject"].nunique() == 4
    assert json.loads((project / "metrics/download.json").read_text())["pseudonym_key"]
    known = pd.read_csv(project.parent / "state/names.csv").set_index("pseudonym_of_subject")
    assert set(known.loc[cells["subject"], "subject"]) == {*PEOPLE["all"], *PEOPLE["hem"]}
    test = json.loads((project / "metrics/test.json").read_text())["test"]
    assert [group["name"] for group in test["subgroups"]["scanner"]]


def test_names_are_found_where_they_are_kept(tmp_path: Path) -> None:
    """The search above finds names, were there any."""
    project = run_all(tmp_path / "named", identifiers="names")

    found = places_of(NAMES, outputs(project))

    for path in ("data/raw/cnmc.zip: metadata.csv", "data/splits/cells.csv"):
        assert path in found
    for path in ("metrics/predictions.csv", "metrics/report.html", "metrics/test.json"):
        assert path in found
    assert "pseudonym_key" not in json.loads((project / "metrics/download.json").read_text())
