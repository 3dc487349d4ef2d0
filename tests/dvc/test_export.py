"""`make export`, and predict with the file that it makes."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from tests.dvc.project import Project, make

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_the_model_file_answers_as_the_stage_evaluate(origin: Project, tmp_path: Path) -> None:
    clone = origin.clone(tmp_path / "clone", pulled=True)
    printed = make(clone, "export")
    assert "cells answered as by the stage evaluate, p(ALL) within" in printed
    assert (clone.folder / "models/classifier.html").is_file()
    told = clone.run("python", "-m", "stages.predict", "data/raw/cnmc.zip")
    table = pd.read_csv(io.StringIO(told[told.index("name,p_all") :]), keep_default_na=False)
    table = table[~table["name"].str.startswith("predict: ")]
    table["image"] = table["name"].str.rpartition("/")[2]
    known = pd.read_csv(clone.folder / "metrics/predictions.csv")
    both = known.merge(table, on="image", suffixes=("", "_of_file"))
    assert set(both["split"]) == {"val", "test", "external"}
    p_all = both["p_all_of_file"].astype(float)
    assert (p_all - both["p_all"]).abs().max() < 1e-5
    called = both["p_all"].ge(0.5).map({True: "all", False: "hem"})
    assert (both["call"] == called).all()
    assert clone.git("status --short") == ""
