"""The project with parameters for which a minute is enough, run once."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.dvc.clones import ROOT, Clone

TINY = {
    "download": {"synthetic_cells": 320},
    "preprocess": {"image_size": 32},
    "train": {"epochs": 1, "batch_size": 40},
}


def make_first_run(folder: Path) -> Clone:
    """Commit the files that git knows here, tiny parameters, and what comes of them."""
    made = Clone(folder)
    listed = Clone(ROOT).git("ls-files --cached --others --exclude-standard")
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for stage, values in TINY.items():
        made.change(stage, **values)
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("EfficientNetB3", "EfficientNetB0"))
    made.git("init --quiet --initial-branch=main")
    made.git("add --all")
    made.dvc("repro")
    made.git("add --all")
    made.git("commit --quiet", message="The tiny pipeline, and what it has made")
    return made
