from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from stages.report.charts import (
    history_chart,
    interval_chart,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from stages.report.subject_plot import subject_plot
from tests.evaluate.report.pages import HISTORY, PREDICTIONS, RELIABILITY

ROC = pd.DataFrame(
    {"false_positive_rate": [0, 0.2, 1], "true_positive_rate": [0, 0.9, 1], "threshold": [2, 1, 0]}
)
PRECISION_RECALL = pd.DataFrame(
    {"recall": [1, 0.5, 0], "precision": [0.5, 1, 1], "threshold": [0.1, 0.9, 2]}
)
POINTS = [("p(ALL) ≥ 0.500", 0.1, 0.7), ("operating point", 0.3, 0.95)]
VALUES = {"Accuracy": 0.9, "PPV": 0.8}
BY_SUBJECT = {"Accuracy": [0.7, 0.95]}


def charts() -> dict[str, str]:
    return {
        "roc": roc_chart(ROC, area=0.85, points=POINTS),
        "precision_recall": precision_recall_chart(
            PRECISION_RECALL, average=0.75, share_all=0.5, points=POINTS
        ),
        "reliability": reliability_chart(RELIABILITY, RELIABILITY, temperature=1.25),
        "loss": history_chart(HISTORY, measure="loss"),
        "accuracy": history_chart(HISTORY, measure="accuracy"),
        "intervals": interval_chart(VALUES, by_subject=BY_SUBJECT, by_cell={}),
        "subjects": subject_plot(PREDICTIONS, threshold=0.5),
    }


DRAWN = charts()


def said(name: str) -> str:
    label = re.search(r'aria-label="([^"]*)"', DRAWN[name])
    assert label
    return label[1]


def test_the_same_data_give_the_same_bytes() -> None:
    assert charts() == DRAWN


def test_the_user_settings_of_matplotlib_change_nothing_and_are_left_alone() -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert charts() == DRAWN
        assert mpl.rcParams["font.size"] == 30


def test_ids_are_unique_in_one_document_and_references_point_to_them() -> None:
    document = "".join(DRAWN.values())
    ids = re.findall(r'\bid="([^"]+)"', document)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', document)

    assert len(ids) == len(set(ids)) > 0
    assert {first or second for first, second in references} <= set(ids)


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_sound_scales_with_the_page_and_loads_nothing(name: str) -> None:
    opening, _, body = DRAWN[name].partition(">")

    ElementTree.fromstring(f'<svg xmlns:xlink="http://www.w3.org/1999/xlink">{body}')
    assert 'role="img"' in opening
    assert "viewBox=" in opening
    assert " width=" not in opening
    assert "http" not in DRAWN[name]
    assert "<metadata" not in DRAWN[name]


@pytest.mark.parametrize("name", DRAWN)
def test_no_colour_is_fixed_so_that_a_dark_page_can_choose_its_own(name: str) -> None:
    colours = re.findall(r"(?:fill|stroke): ([^;\"]+)", DRAWN[name])

    assert len(colours) > 0
    assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none"}


def test_charts_say_what_they_show() -> None:
    assert said("roc") == (
        "ROC curve on the test cells, area 0.850; p(ALL) ≥ 0.500 at 0.100 across, 0.700 up; "
        "operating point at 0.300 across, 0.950 up"
    )
    assert said("precision_recall").startswith(
        "Precision over recall on the test cells, average precision 0.750; p(ALL)"
    )
    assert said("reliability") == (
        "Reliability diagram on the test cells: as the model says, off by 0.600 at most; divided "
        "by T = 1.250, off by 0.600 at most"
    )
    assert "at the last one 0.600 in training and 0.800 in validation" in said("loss")
    assert said("intervals").endswith("Accuracy 0.900, 0.700 to 0.950; PPV 0.800, no interval")
    assert said("subjects") == (
        "p(ALL) of each test cell, a line for each subject: 1 ALL subjects, with 0 of which most "
        "cells are called wrong; 1 HEM subjects, with 0 of which most cells are called wrong"
    )


def test_the_reliability_of_a_model_without_a_temperature_is_one_line() -> None:
    chart = reliability_chart(RELIABILITY)

    assert "divided by" not in chart


def test_a_single_epoch_and_a_diverged_one_can_be_drawn() -> None:
    history_chart(HISTORY.iloc[:1], measure="loss")
    history_chart(HISTORY.assign(loss=[0.9, np.nan]), measure="loss")


def test_a_subject_of_which_most_cells_are_wrong_is_counted() -> None:
    wrong = PREDICTIONS.assign(p_all=[0.1, 0.4, 0.2, 0.1])

    assert "1 ALL subjects, with 1 of which most" in subject_plot(wrong, threshold=0.5)


def test_the_subject_strip_has_a_dot_for_each_cell_and_grows_with_the_subjects() -> None:
    many = pd.concat(
        PREDICTIONS.assign(subject=PREDICTIONS["subject"] + str(number)) for number in range(20)
    )
    chart = subject_plot(many, threshold=0.5)

    assert len(re.findall(r"<use [^>]*fill-opacity: 0.55", chart)) == len(many)
    assert height(chart) > 3 * height(DRAWN["subjects"])


def test_names_from_the_data_are_text_and_no_markup() -> None:
    hostile = PREDICTIONS.assign(subject=[r"<b>$\no_math$</b>", "1", "--><script>", "H2"])

    chart = subject_plot(hostile, threshold=0.5)

    assert "<script" not in chart
    assert "<b>" not in chart


def test_drawing_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    charts()
    assert not list(tmp_path.iterdir())


def height(chart: str) -> float:
    box = re.search(r'viewBox="0 0 \S+ (\S+)"', chart)
    assert box
    return float(box[1])
