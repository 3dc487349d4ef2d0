"""The lines of docs/own-data.md in a real clone: from three folders of pictures to a report."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import yaml

from tests.docs.pages import commands, section
from tests.dvc.project import STAGES, Project, stages_run
from tests.own_sets import CLASSES, encoded, picture, write_files

START = section("own-data.md", "From three folders to a report")
SMALLER = {
    "download": {"weights": "none"},
    "preprocess": {"image_size": 32},
    "train": {"epochs": 1, "batch_size": 20, "optimizer": "SGD"},
}
"""What the page does not change: without it the run would take hours and fetch the weights."""


def set_params(project: Project, cells: Path) -> None:
    (shown,) = re.findall(r"^    profile: cnmc\n(?:    .*\n)+", START, re.MULTILINE)
    path = project.folder / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    changes = yaml.safe_load(shown.replace("/data/cells", str(cells)))
    content["profile"] = changes["profile"]
    for keys in (changes["profiles"]["cnmc"], SMALLER):
        for stage, values in keys.items():
            content["profiles"]["cnmc"][stage] |= values
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_three_folders_of_pictures_become_a_report(origin: Project, tmp_path: Path) -> None:
    project, cells = origin.clone(tmp_path / "clone"), tmp_path / "Zellen für Łódź (1) #2, [x]=3"
    for number, (label, brightness) in enumerate(CLASSES.items()):
        for cell in range(14):
            size = (80 + 8 * (cell % 4), 80 + 8 * (cell % 3))
            image = picture(1000 * number + cell, size=size, brightness=brightness)
            form, ending = ("JPEG", "jpg") if cell % 2 else ("PNG", "png")
            write_files(cells, {f"{label}/{cell}.{ending}": encoded(image, form)})
    set_params(project, cells)
    printed = {}
    for line in commands(START):
        if not line.startswith("dvc exp run"):
            printed[line] = project.run("sh", "-c", line)
    assert (
        "42 images (28 ALL: 14 early, 14 pre; 14 HEM: 14 benign), 0 ignored, 0 other files, "
        in (printed["dvc repro download"])
    )
    assert stages_run(printed["dvc repro"]) == STAGES[1:]
    assert (project.folder / "metrics/report.html").is_file()
    assert json.loads((project.folder / "metrics/split.json").read_text())["leakage"] == {
        "subjects": None,
        "fields": None,
        "identical_images": 0,
    }
    with (project.folder / "data/splits/cells.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 42
    assert {row["source_class"] for row in rows} == set(CLASSES)
    assert project.git("status --porcelain") == ""
