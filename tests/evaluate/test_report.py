from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from stages.evaluate.metrics import measure, roc_points
from stages.evaluate.report import as_columns, as_percent, as_rows, as_text, render_report

PREDICTIONS = pd.DataFrame({"label": ["all", "all", "hem", "hem"], "p_all": [0.9, 0.4, 0.2, 0.1]})
HISTORY = pd.DataFrame(
    {"epoch": [1], "loss": [1.0], "accuracy": [0.5], "val_loss": [1.0], "val_accuracy": [0.5]}
)


def page(*, split: dict[str, Any] | None = None, profile: str = "cnmc", **results: Any) -> str:
    measured = measure(PREDICTIONS, threshold=0.5)
    return render_report(
        {"data": "C-NMC 2019", "threshold": 0.5, "warnings": [], "test": measured} | results,
        profile=profile,
        roc=roc_points(PREDICTIONS),
        history=HISTORY,
        split=split or {"leakage": {"subjects": 0}},
        train={"best_epoch": 7},
    )


class Outline(HTMLParser):
    """Every start tag with its attributes, and the tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_same_results_give_the_same_bytes() -> None:
    assert page() == page()


def test_the_page_is_well_formed_and_no_id_stands_twice() -> None:
    outline = Outline(page(external=measure(PREDICTIONS, threshold=0.2), warnings=["leaks"]))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]

    assert outline.open == []
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("data", ["synthetic", "C-NMC 2019"])
def test_the_page_loads_nothing(data: str) -> None:
    text = page(data=data)
    for tag, attributes in Outline(text).tags:
        assert tag not in {"script", "link", "img", "iframe", "image", "object", "embed"}
        assert "src" not in attributes
        if tag != "a":
            assert all("//" not in (value or "") for value in attributes.values())
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []


def test_synthetic_data_wear_a_banner_and_carry_no_citation() -> None:
    text = page(data="synthetic")

    assert '<div class="synthetic" role="alert"><strong>SYNTHETIC DATA</strong>' in text
    assert "<title>SYNTHETIC DATA: " in text
    assert "doi.org" not in text


def test_real_data_carry_the_citation_and_no_banner() -> None:
    text = page()

    assert "synthetic" not in visible(text).lower()
    assert "Gupta, A., Gupta, R. (2019)" in text
    assert 'href="https://doi.org/10.7937/tcia.2019.dc64i46r"' in text
    assert "CC BY 3.0" in text


def test_the_verdict_gives_the_figures_of_the_results() -> None:
    text = re.sub("[ \n]+", " ", visible(page()))

    assert "On 4 test cells the model is right for 75.0\N{NO-BREAK SPACE}%" in text
    assert "finds 50.0\N{NO-BREAK SPACE}% of the ALL cells" in text
    assert "clears 100.0\N{NO-BREAK SPACE}% of the HEM ones" in text
    assert "Not a medical device" in text


def test_every_metric_stands_in_the_table_for_test_and_external_cells() -> None:
    external = measure(PREDICTIONS.iloc[:2], threshold=0.5)
    text = page(external=external)

    assert re.search(r"ROC AUC</th>\s*<td>1.000</td>\s*<td>–</td>", text)
    assert "every cell is of class all: no balanced_accuracy, specificity" in text
    assert "External cells" in text
    assert "External" not in page()


def test_the_leakage_warning_stands_in_the_page_only_where_there_is_one() -> None:
    assert "the warning" in page(warnings=["the warning"])
    assert "Read with care" not in page()


def test_what_split_and_train_report_is_shown() -> None:
    text = page(split={"leakage": {"subjects_in_two_parts": 12}})

    assert re.search(r"leakage: subjects in two parts</th><td>12</td>", text)
    assert re.search(r"best epoch</th><td>7</td>", text)


def test_names_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    text = page(split={hostile: hostile, "leakage": {}}, profile=hostile, warnings=[hostile])

    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (10_661, "10,661"),
        (0.98512, "0.985"),
        (0.00025, "0.00025"),
        (0.0, "0"),
        (["all", 2], "all, 2"),
        ("EfficientNetB3", "EfficientNetB3"),
    ],
)
def test_values_read_well(value: object, text: str) -> None:
    assert as_text(value) == text


def test_shares_read_as_percent() -> None:
    assert as_percent(0.95125) == "95.1\N{NO-BREAK SPACE}%"


def test_nested_reports_become_rows() -> None:
    assert as_rows({"a_b": {"c": {"d": 1}}, "e": []}) == [("a b: c: d", "1"), ("e", "")]


def test_sections_lie_side_by_side_and_gaps_stay_gaps() -> None:
    sections = {"train": {"cells": 7, "all_share": 0.5}, "external": {"cells": 0}}

    assert as_columns(sections) == [("cells", ["7", "0"]), ("all share", ["0.500", "–"])]


def test_the_parts_of_the_split_stand_in_one_table() -> None:
    parts = {"train": {"cells": 7_463}, "val": {"cells": 1_599}, "leakage": {}}

    text = page(split=parts)

    assert re.search(r"Train</th>\s*<th scope=\"col\">Val</th>", text)
    assert re.search(r"cells</th>\s*<td>7,463</td>\s*<td>1,599</td>", text)


def visible(text: str) -> str:
    """The page without its head and its tags."""
    return re.sub(r"<[^>]+>", "", text.partition("<body>")[2])
