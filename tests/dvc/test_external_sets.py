"""External test sets in a real clone: what a change of the list runs again, what is measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import section
from tests.docs.test_own_data import block
from tests.dvc.project import Project, stages_restored, stages_run
from tests.own_sets import class_folders, write_files

UNTOUCHED = [
    *("data/raw/cnmc.zip", "data/raw/keras_home", "data/splits/cells.csv"),
    *("data/shards/training", "models/model.keras", "metrics/train.json", "metrics/history.csv"),
]
SMALL = {
    "download.weights": "none",
    "preprocess.image_size": 32,
    "train.optimizer": "SGD",
    "train.epochs": 1,
    "train.batch_size": 20,
}


def shown(source: Path) -> list[dict[str, Any]]:
    """The list that docs/own-data.md shows, with pictures that are there."""
    text = block(section("own-data.md", "Test sets of others"), "profiles:")
    external = yaml.safe_load(text)["profiles"]["cnmc"]["download"]["external"]
    return [entry | {"source": str(source / entry["name"])} for entry in external]


def write_sets(folder: Path) -> list[dict[str, Any]]:
    entries = shown(folder)
    for number, entry in enumerate(entries):
        files = class_folders(6, seed=7000 * (number + 1))
        write_files(Path(entry["source"]), files)
    return entries


def in_flow(entries: list[dict[str, Any]]) -> str:
    """YAML in one line, as it follows `-S`."""
    return yaml.safe_dump(entries, default_flow_style=True, width=10_000).strip()


def read(project: Project, name: str) -> Any:
    return json.loads((project.folder / name).read_text(encoding="utf-8"))


def test_a_change_of_the_list_trains_nothing_again(origin: Project, tmp_path: Path) -> None:
    project = origin.clone(tmp_path / "clone")
    before, plain = project.outputs(), read(project, "metrics/test.json")
    entries = write_sets(tmp_path / "others")
    names = [entry["name"] for entry in entries]
    key = "profiles.synthetic.download.external"

    project.set_param(key, in_flow(entries))
    assert stages_run(project.dvc("repro")) == ["download", "split", "preprocess", "evaluate"]

    after = project.outputs()
    assert {path: after[path] for path in UNTOUCHED} == {path: before[path] for path in UNTOUCHED}
    measured = read(project, "metrics/test.json")
    assert list(measured)[-len(names) - 2 :] == ["test", "external", *names]
    for part in ("test", "external", "validation", "operating_threshold", "temperature"):
        assert measured[part] == plain[part]
    with (project.folder / "metrics/predictions.csv").open(encoding="utf-8") as table:
        parts = [row["split"] for row in csv.DictReader(table)]
    assert {name: parts.count(name) for name in names} == dict.fromkeys(names, 18)

    project.set_param(key, in_flow(entries[:1]))
    assert stages_run(project.dvc("repro")) == ["download", "split", "preprocess", "evaluate"]
    assert names[1] not in read(project, "metrics/test.json")
    project.set_param(key, "[]")
    output = project.dvc("repro")
    assert stages_run(output) == []
    assert "train" not in stages_restored(output)
    assert project.git("status --porcelain") == ""


@pytest.mark.integration
def test_real_cells_are_tested_on_an_own_set(
    origin: Project, real_sample: Path, tmp_path: Path
) -> None:
    project = origin.clone(tmp_path / "clone")
    (entry, *_) = write_sets(tmp_path / "others")
    small = SMALL | {"download.source": f"'{real_sample}'", "download.external": in_flow([entry])}
    for key, value in small.items():
        project.set_param(f"profiles.cnmc.{key}", value)
    project.set_param("profile", "cnmc")
    project.dvc("repro")

    measured = read(project, "metrics/test.json")
    assert measured["data"] == "unverified archive in the layout of C-NMC 2019"
    assert measured["external"]["cells"] == 2
    own = measured[entry["name"]]
    assert (own["cells"], own["subjects"]) == (18, None)
    assert own["cell_intervals"]["too_narrow"]
    split = read(project, "metrics/split.json")
    assert split["leakage"]["subjects"] is not None
    assert split[entry["name"]]["images_in_training"] == 0
    report = (project.folder / "metrics/report.html").read_text(encoding="utf-8")
    assert f'<section id="set-{entry["name"]}">' in report
    assert "Own cells in class folders." in report
