from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from stages.evaluate.charts import history_chart, roc_chart

CURVE = pd.DataFrame(
    {"false_positive_rate": [0, 0.2, 1], "true_positive_rate": [0, 0.9, 1], "threshold": [2, 1, 0]}
)
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2],
        "loss": [0.9, 0.4],
        "val_loss": [0.8, 0.5],
        "accuracy": [0.5, 0.9],
        "val_accuracy": [0.5, 0.8],
    }
)


def charts() -> list[str]:
    return [
        roc_chart(CURVE, area=0.85),
        history_chart(HISTORY, measure="loss"),
        history_chart(HISTORY, measure="accuracy"),
    ]


def test_the_same_data_give_the_same_bytes() -> None:
    assert charts() == charts()


def test_the_user_settings_of_matplotlib_change_nothing_and_are_left_alone() -> None:
    expected = charts()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert charts() == expected
        assert mpl.rcParams["font.size"] == 30


def test_ids_are_unique_in_one_document_and_references_point_to_them() -> None:
    document = "".join(charts())
    ids = re.findall(r'\bid="([^"]+)"', document)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', document)

    assert len(ids) == len(set(ids)) > 0
    assert {first or second for first, second in references} <= set(ids)


def test_charts_are_sound_scale_with_the_page_and_speak() -> None:
    for chart in charts():
        opening, _, body = chart.partition(">")
        ElementTree.fromstring(f'<svg xmlns:xlink="http://www.w3.org/1999/xlink">{body}')
        assert 'role="img"' in opening
        assert "viewBox=" in opening
        assert " width=" not in opening
    assert 'aria-label="ROC curve on the test cells, area 0.850"' in charts()[0]
    assert "at the last one 0.400 in training and 0.500 in validation" in charts()[1]


def test_charts_hold_no_date_and_no_address() -> None:
    for chart in charts():
        assert "http" not in chart
        assert "<metadata" not in chart


def test_a_single_epoch_and_a_diverged_one_can_be_drawn() -> None:
    history_chart(HISTORY.iloc[:1], measure="loss")
    history_chart(HISTORY.assign(loss=[0.9, np.nan]), measure="loss")


def test_drawing_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    charts()
    assert not list(tmp_path.iterdir())
