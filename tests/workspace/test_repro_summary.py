from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.statistics.metrics import measure
from stages.workspace.repro_summary import summary
from tests.conftest import ROOT

TEST = {
    "cells": 1500,
    "accuracy": 0.82,
    "balanced_accuracy": 0.790031,
    "sensitivity": 0.887755,
    "specificity": 0.692308,
    "weighted_f1": 1.0,
    "roc_auc": 0.0,
    "average_precision": 0.95851,
    "log_loss": 0.363766,
}
UNDEFINED = {"balanced_accuracy": None, "specificity": None, "roc_auc": None}
FILES = """\
Model    models/model.keras
Metrics  metrics/*.json, metrics/*.csv
Report   metrics/report.html (open it in a browser)"""


def report(**further: Any) -> dict[str, Any]:
    """The content of metrics/test.json."""
    return {"data": "synthetic", "threshold": 0.5, "warnings": [], "test": TEST} | further


def test_the_test_cells_stand_in_one_column() -> None:
    table = """\
Data: synthetic

                          test
cells                    1,500
accuracy                 0.820
balanced accuracy        0.790
sensitivity              0.888
specificity              0.692
weighted f1              1.000
roc auc                  0.000

"""
    assert summary(report()) == table + FILES


def test_external_cells_stand_beside_them_and_what_does_not_exist_is_called_undefined() -> None:
    table = """\
Data: synthetic

                          test    external
cells                    1,500          82
accuracy                 0.820       0.820
balanced accuracy        0.790   undefined
sensitivity              0.888       0.888
specificity              0.692   undefined
weighted f1              1.000       1.000
roc auc                  0.000   undefined

"""
    external = TEST | {"cells": 82} | UNDEFINED
    assert summary(report(external=external)) == table + FILES


def test_each_external_set_has_a_column_wide_enough_for_its_name() -> None:
    sets = {"a_laboratory_far_away": TEST, "b": TEST}
    lines = summary(report(**sets)).splitlines()
    assert lines[2].split() == ["test", *sets]
    assert len({len(line) for line in lines[2:10]}) == 1


@pytest.mark.parametrize("data", ["synthetic", "C-NMC 2019"])
def test_the_data_are_named_first(data: str) -> None:
    assert summary(report(data=data)).startswith(f"Data: {data}\n")


def test_a_warning_of_leakage_is_said_between_the_figures_and_the_files() -> None:
    *_, warning, files = summary(report(warnings=["44 subjects are shared."])).split("\n\n")
    assert warning == "Mind: 44 subjects are shared."
    assert files == FILES


def test_every_figure_is_among_those_that_are_measured() -> None:
    cells = pd.DataFrame({"label": ["all", "all"], "p_all": [0.9, 0.2]})
    lines = summary(report(test=measure(cells, threshold=0.5))).splitlines()
    assert f"{'accuracy':18}{0.5:12.3f}" in lines
    assert f"{'specificity':18}{'undefined':>12}" in lines


def test_the_command_sums_up_what_stands_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/test.json").write_text(json.dumps(report()))
    done = subprocess.run(
        [sys.executable, "-m", "stages.workspace.repro_summary"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == summary(report()) + "\n"
