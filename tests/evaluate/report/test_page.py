from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from stages.statistics.intervals import TOO_NARROW

from .pages import (
    APPEARANCE,
    ON_UNIFORM,
    PREDICTIONS,
    SIZE,
    SPLIT,
    drawn_page,
    page,
    part,
    plain_page,
    results,
)

NBSP = "\N{NO-BREAK SPACE}"


class Outline(HTMLParser):
    """Every start tag with its attributes, and the tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def visible(text: str) -> str:
    """The page without its head and its tags, spaces as one."""
    return re.sub("[ \n]+", " ", re.sub(r"<[^>]+>", " ", text.partition("<body>")[2]))


def words(fragment: str) -> str:
    """A part of the page as `visible`, without a space before punctuation."""
    return tight(f"<body>{fragment}")


def tight(text: str) -> str:
    """The page's text as `visible`, without a space before punctuation."""
    return re.sub(r" +([.,)])", r"\1", visible(text))


def section_of(text: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', text, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.integration
def test_the_same_results_give_the_same_bytes() -> None:
    assert drawn_page() == plain_page()


def test_the_page_is_well_formed_and_no_id_stands_twice() -> None:
    outline = Outline(page(results(external=part(), warnings=["leaks"])))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]

    assert outline.open == []
    assert len(ids) == len(set(ids))


def test_every_link_inside_the_page_leads_somewhere() -> None:
    tags = Outline(plain_page()).tags
    ids = {attributes.get("id") for _, attributes in tags}
    links = [str(attributes["href"]) for tag, attributes in tags if tag == "a"]

    inside = {link[1:] for link in links if link.startswith("#")}
    assert len(inside) == 11
    assert inside <= ids


@pytest.mark.parametrize("data", ["synthetic", "C-NMC 2019"])
def test_the_page_loads_nothing(data: str) -> None:
    text = page(results(data=data))
    for tag, attributes in Outline(text).tags:
        assert tag not in {"script", "iframe", "image", "object", "embed"}
        for name, value in attributes.items():
            if name == "src" or (tag == "link" and name == "href"):
                assert str(value).startswith("data:")
            elif tag != "a":
                assert "//" not in (value or "")
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []


def test_every_picture_has_a_text() -> None:
    pictures = [
        attributes for tag, attributes in Outline(plain_page()).tags if tag in {"img", "svg"}
    ]

    assert len(pictures) == 7 + 2 * (1 + 4)
    assert all(attributes.get("alt") or attributes.get("aria-label") for attributes in pictures)


def test_synthetic_data_wear_a_banner_and_carry_no_citation() -> None:
    text = page(results(data="synthetic"))

    assert '<div class="synthetic" role="alert"><strong>SYNTHETIC DATA</strong>' in text
    assert "<title>SYNTHETIC DATA: " in text
    assert "doi.org" not in text


def test_real_data_carry_the_citation_and_no_banner() -> None:
    text = plain_page()

    assert "synthetic" not in visible(text).lower()
    assert "Gupta, A., Gupta, R. (2019)" in text
    assert 'href="https://doi.org/10.7937/tcia.2019.dc64i46r"' in text
    assert "CC BY 3.0" in text


def test_intervals_promise_nothing_about_new_subjects_where_the_tested_ones_are_known() -> None:
    known = SPLIT | {"leakage": {"subjects": 2}}

    assert "trained on other cells of tested subjects" in page(split=known)
    assert "trained on other cells of tested subjects" not in plain_page()
    assert "do not cover another laboratory" in plain_page()


def test_the_limits_are_those_of_the_data() -> None:
    real, synthetic = (
        " ".join(section_of(text, "card").split())
        for text in (plain_page(), page(results(data="synthetic")))
    )

    assert "HEM cells from healthy people" in real
    assert "No subject is a person" in synthetic
    assert "healthy people" not in synthetic


def test_a_temperature_that_makes_it_worse_is_said_to() -> None:
    worse = part(calibrated={"log_loss": 9.0, "brier": 0.3, "ece": 0.3})

    text = page(results(test=part(), external=worse))

    assert "External: T makes it worse here." in text
    assert "Test: T makes it worse here." not in text


def test_the_verdict_gives_the_figures_and_their_intervals() -> None:
    text = tight(section_of(plain_page(), "verdict").replace("<section", "<body><section"))

    assert (
        f"On 4 test cells of 2 subjects the model is right for 75.0{NBSP}% (50.0 to 90.0{NBSP}%)"
        in text
    )
    assert f"It finds 50.0{NBSP}% (25.0 to 100.0{NBSP}%) of the ALL cells" in text
    assert f"clears 100.0{NBSP}% of the HEM ones" in text
    assert f"Accuracy 75.0{NBSP}% 95 %: 50.0 to 90.0{NBSP}%" in text
    assert "95 %: 0.700 to 1.000" in text
    assert f"Specificity 100.0{NBSP}% no interval" in text
    assert "Not a medical device" in text


def test_every_metric_stands_in_the_table_with_both_intervals() -> None:
    whole = page(results(external=part()))
    row = "Accuracy</th><td>0.750</td><td>0.500 to 0.900</td><td>0.600 to 0.800</td>"
    for text in (section_of(whole, "metrics"), section_of(whole, "set-external")):
        assert text.count(row) == 1
        assert "p(ALL) ≥ 0.300, from validation alone" in text
        assert "<td>0.910 to 0.990</td>" in text
    assert "External: 4 cells" in section_of(whole, "set-external")


def test_each_external_set_has_a_section_and_all_stand_in_one_table() -> None:
    unknown = {"accuracy": [0.3, 0.8], "too_narrow": [TOO_NARROW]}
    zurich = part(subjects=None, cell_intervals=unknown, operating_point={"undefined": ["none"]})
    shared = {"cells": 4, "images_in_training": 1, "images_like_training": 2}
    downloaded = {"synthetic": False, "verified": False, "layout": "class folders"}
    whole = page(
        results(external=part(), Zurich_1=zurich),
        split=SPLIT | {"Zurich_1": shared},
        download={"verified": True, "external": {"Zurich_1": downloaded}},
        appearance={"train": APPEARANCE, "Zurich_1": {ON_UNIFORM: 0.25, SIZE: 0.5}},
    )
    sections = re.findall('<section id="set-(.*?)"', whole)
    assert sections == ["external", "Zurich_1"]
    assert "The preliminary test set of the challenge" in section_of(whole, "set-external")
    own = words(section_of(whole, "set-Zurich_1"))
    assert "Own cells in class folders. 1 of its images are in the training set, too, and 2" in own
    compared = section_of(whole, "external")
    rows = [words(row).strip() for row in re.findall("<tr>.*?</tr>", compared, re.DOTALL)]
    known = f"external 4 2 0.750 (0.500{NBSP}to{NBSP}0.900) "
    assert any(row.startswith(known) for row in rows)
    found = next(row for row in rows if row.startswith("Zurich_1"))
    assert found.startswith(f"Zurich_1 4 unknown 0.750 (0.300{NBSP}to{NBSP}0.800) ")
    assert found.count("–") == 2  # there is no operating point
    assert f"Zurich_1: {TOO_NARROW}." in words(compared)
    assert "<td>0.250 (\N{MINUS SIGN}75.0 points)</td>" in compared
    assert "<td>0.500 (+100 %)</td>" in compared
    assert 'href="#external"' in whole


def test_without_external_sets_there_is_no_section_of_them() -> None:
    assert "xternal test sets" not in plain_page()


def test_where_there_are_no_intervals_the_reason_is_said_once() -> None:
    few = {"undefined": ["no intervals: the cells are of 2 of class all subjects"]}
    test = part(intervals=few, cell_intervals=few)

    text = page(results(test=test))

    assert visible(text).count("Test: no intervals: the cells are of 2 of class all subjects.") == 1
    assert text.count("no interval<") == 4
    assert 'aria-label="95 % intervals' not in text


def test_calibration_stands_before_and_after_the_temperature() -> None:
    text = section_of(plain_page(), "calibration")

    assert re.search(r"Brier score</th>\s*<td>0.105</td>\s*<td>0.050</td>", text)
    assert re.search(r"ECE</th>\s*<td>0.200</td>\s*<td>0.010</td>", text)
    assert "Accuracy" not in text
    assert "T = 0.588" in text


def test_without_a_temperature_the_page_says_why() -> None:
    text = page(results(temperature=None, undefined=["the logits separate the classes"]))

    assert "the logits separate the classes." in section_of(text, "calibration")
    assert "T = " not in text


def test_both_confusion_matrices_of_each_part_are_there() -> None:
    whole = page(results(external=part()))
    text = section_of(whole, "errors")

    for name in ("errors", "set-external"):
        assert section_of(whole, name).count('<table class="confusion">') == 2
    assert re.search(r'class="wrong"><b>1</b> <small>50.0.%', text)


def test_leakage_has_a_panel_of_its_own() -> None:
    leaking = {**SPLIT, "strategy": "stratified", "leakage": {"subjects": 12, "fields": 0}}

    text = section_of(page(split=leaking), "split")

    assert "12 subjects stand in more than one part (split by image)" in visible("<body>" + text)
    assert "No leakage found" not in text
    assert "parts of this split leak" in page(split=leaking)


def test_a_sound_split_is_said_to_be_one() -> None:
    text = section_of(plain_page(), "split")

    assert "No leakage found" in text
    assert f"0.0{NBSP}% of the test cells have a training cell of the same subject" in text
    assert "parts of this split leak" not in plain_page()


def test_the_leakage_warning_stands_in_the_page_only_where_there_is_one() -> None:
    assert "the warning" in page(results(warnings=["the warning"]))
    assert "Read with care" not in plain_page()


def test_subjects_baselines_and_subgroups_have_their_tables() -> None:
    text = plain_page()

    assert re.search(
        r"right interval</th>\s*<td>0.025 to 1.000</td>\s*<td>0.158 to 1.000</td>", text
    )
    baselines = section_of(text, "baselines")
    assert re.search(r"Accuracy</th>\s*<td>0.750</td>\s*<td>0.500</td>\s*<td>0.625</td>", baselines)
    assert "–: no cell is called hem." in baselines
    assert re.search(r"fold_0</th>\s*<td>4</td>\s*<td>–</td>", baselines)
    assert "–: few." in baselines
    assert "Test cells by subject (1)" in baselines
    assert "test-time augmentation" not in baselines


def test_test_time_augmentation_stands_beside_the_plain_result() -> None:
    text = section_of(page(results(test=part(tta={"accuracy": 0.875}))), "baselines")

    assert re.search(r"Accuracy</th>\s*<td>0.750</td>\s*<td>0.875</td>", text)


def test_galleries_show_each_cell_beside_its_grad_cam() -> None:
    text = section_of(plain_page(), "gallery")

    assert text.count('<img src="data:image/png;base64,') == 2 * (1 + 4)
    assert "<b>is ALL, p(ALL) 0.400</b><br>UID_1_2_1_all.bmp, subject 1" in text
    assert "have 2×2 fields" in text


def test_without_errors_the_gallery_says_so() -> None:
    right = PREDICTIONS.assign(p_all=[0.9, 0.6, 0.2, 0.1])

    assert "No test cell is called wrong." in page(predictions=right)


def test_what_the_model_is_made_from_can_be_traced() -> None:
    text = section_of(plain_page(), "provenance")

    for value in ("0123456789abcdef0123456789abcdef01234567", "NVIDIA H100", "3.15.1"):
        assert value in text
    assert "models/model.keras" in text
    assert "d41d8cd98f00b204e9800998ecf8427e" in text


def test_what_split_and_train_report_is_shown() -> None:
    text = page(train={"best_epoch": 7, "learning_rate": {"last": 0.5}})

    assert re.search(r"leakage: subjects</th><td>0</td>", text)
    assert re.search(r"learning rate: last</th><td>0.500</td>", text)


def test_results_without_any_optional_section_still_make_a_plain_page() -> None:
    kept = ("cells", "accuracy", "sensitivity", "specificity", "roc_auc", "average_precision")
    bare = {key: value for key, value in part().items() if key in (*kept, "confusion")}

    text = page({"data": "C-NMC 2019", "threshold": 0.5, "warnings": [], "test": bare})

    assert Outline(text).open == []


def hostile_page(hostile: str) -> str:
    names: dict[str, Any] = {"image": hostile, "subject": hostile, "label": "all"}
    return page(
        results(
            data=hostile,
            warnings=[hostile],
            test=part(subgroups={hostile: [{"name": hostile, hostile: hostile}]}),
        ),
        predictions=PREDICTIONS.assign(p_all=[0.1, 0.9, 0.2, 0.1]).assign(
            **{name: [value, *PREDICTIONS[name].iloc[1:]] for name, value in names.items()}
        ),
        split={hostile: hostile, "leakage": {hostile: 1}},
        train={hostile: hostile},
        profile=hostile,
        device=hostile,
        versions={hostile: hostile},
        dvc_lock={hostile: hostile},
    )


def test_names_are_escaped() -> None:
    text = hostile_page("<script>alert(1)</script>")

    assert "<script" not in text.lower()
    assert text.count("&lt;script&gt;") > 15


def test_names_end_no_attribute() -> None:
    hostile = '" onerror="alert(1)'

    for _, attributes in Outline(hostile_page(hostile)).tags:
        assert not any(name.startswith("on") for name in attributes)


def test_what_the_cells_look_like_stands_by_part_and_uneven_backgrounds_are_told() -> None:
    uneven = {"train": APPEARANCE, "external": APPEARANCE | {ON_UNIFORM: 0.25}}

    text = section_of(page(appearance=uneven), "split")

    assert re.search(r"on a uniform background</th>\s*<td>1.000</td>\s*<td>0.250</td>", text)
    assert "Not all cells of external lie on a background of one colour" in text
    assert "Not all cells" not in section_of(plain_page(), "split")
