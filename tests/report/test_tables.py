from __future__ import annotations

from stages.report.tables import (
    Measured,
    compared,
    grid,
    measured_rows,
    reasons,
    section,
    subject_columns,
)

FEW = {"undefined": ["too few subjects"]}


def test_metrics_come_in_their_order_with_their_intervals() -> None:
    values = {
        "roc_auc": None,
        "cells": 4,
        "accuracy": 0.75,
        "intervals": {"accuracy": [0.5, 1.0], "roc_auc": None},
        "cell_intervals": FEW,
    }

    assert measured_rows(values) == [
        Measured("Accuracy", "0.750", "0.500 to 1.000", "–"),
        Measured("ROC AUC", "–", "–", "–"),
    ]


def test_sections_are_compared_by_metrics_alone_and_by_those_asked_for() -> None:
    sections = {"model": {"accuracy": 0.9, "ece": 0.05, "cells": 3}, "other": {"accuracy": 0.5}}

    assert compared(sections) == [("Accuracy", ["0.900", "0.500"]), ("ECE", ["0.050", "–"])]
    assert compared(sections, {"ece"}) == [("ECE", ["0.050", "–"])]


def test_records_become_a_grid_without_their_reasons() -> None:
    records = [{"name": "a", "roc_auc": 0.5}, {"name": "b", "cells": 3, **FEW}]

    assert grid(records) == (
        ["name", "roc auc", "cells"],
        [["a", "0.500", "–"], ["b", "–", "3"]],
    )


def test_a_figure_of_a_record_has_its_interval_behind_it() -> None:
    intervals = {"accuracy": [0.4, 0.75], "roc_auc": None}
    records = [{"name": "a", "accuracy": 0.5, "roc_auc": 0.625, "intervals": intervals}]

    assert grid(records)[1] == [
        ["a", "0.500 (0.400\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.750)", "0.625"]
    ]


def test_a_section_that_is_not_there_is_empty() -> None:
    values = {"a": {"b": {"c": 1}}, "d": 2}

    assert section(values, "a", "b") == {"c": 1}
    assert section(values, "a", "x") == section(values, "d") == section(values, "x", "b") == {}


def test_subjects_come_by_class_with_the_intervals_as_texts() -> None:
    by_subject = {
        "both": {"subjects": 3, "right_interval": [0.1, 0.9]},
        "hem": {"subjects": 3},
        "intervals": {"both": [0.2, 0.8]},
    }

    assert subject_columns(by_subject) == {
        "HEM": {"subjects": 3, "right_interval": "–", "mean_accuracy_interval": "–"},
        "both": {
            "subjects": 3,
            "right_interval": "0.100 to 0.900",
            "mean_accuracy_interval": "0.200 to 0.800",
        },
    }


def test_each_reason_is_said_once_and_only_of_the_sections_asked_for() -> None:
    values = {
        "undefined": ["one class"],
        "intervals": FEW,
        "operating_point": {"cell_intervals": FEW, "undefined": ["no ppv"]},
        "baselines": {"undefined": ["elsewhere"]},
    }

    assert reasons(values) == ["one class"]
    assert reasons(values, "intervals", "operating_point", "missing") == [
        "one class",
        "too few subjects",
        "no ppv",
    ]
