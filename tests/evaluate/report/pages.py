"""A whole report of tiny, made-up results."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.evaluate.part_appearance import ON_UNIFORM
from stages.evaluate.report import page as report
from stages.evaluate.report.gallery import Gallery, galleries
from stages.evaluate.report.page import StageReports, render_report
from stages.statistics.curves import Curves, precision_recall_points
from stages.statistics.metrics import measure, roc_points

PREDICTIONS = pd.DataFrame(
    {
        "split": "test",
        "image": [f"UID_{name}.bmp" for name in ("1_1_1_all", "1_2_1_all", "H2_1_1_hem", "H2_2_1")],
        "subject": ["1", "1", "H2", "H2"],
        "label": ["all", "all", "hem", "hem"],
        "p_all": [0.9, 0.4, 0.2, 0.1],
    }
)
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2],
        "loss": [1.0, 0.6],
        "accuracy": [0.5, 0.75],
        "val_loss": [1.0, 0.8],
        "val_accuracy": [0.5, 0.7],
        "learning_rate": [0.001, 0.001],
    }
)
RELIABILITY = pd.DataFrame(
    {
        "low": [0.0667, 0.2, 0.4, 0.8667],
        "high": [0.1333, 0.2667, 0.4667, 0.9333],
        "cells": [1, 1, 1, 1],
        "mean_p_all": [0.1, 0.2, 0.4, 0.9],
        "all_share": [0.0, 0.0, 1.0, 1.0],
    }
)
SPLIT = {
    "strategy": "subject",
    "test": {"cells": 4, "subjects": 2},
    "test_cells_known_by": {"subject": 0.0},
    "leakage": {"subjects": 0},
}
SIZE = "size: share of the image"
APPEARANCE = {ON_UNIFORM: 1.0, SIZE: 0.25}
PROVENANCE = {
    "profile": "cnmc",
    "revision": "0123456789abcdef0123456789abcdef01234567",
    "device": "NVIDIA H100",
    "versions": {"keras": "3.15.1"},
    "dvc_lock": {"models/model.keras": "d41d8cd98f00b204e9800998ecf8427e"},
}


def part(**more: Any) -> dict[str, Any]:
    """What metrics/test.json holds of one split, each section in its smallest form."""
    measured = measure(PREDICTIONS, threshold=0.5)
    operating = {**measure(PREDICTIONS, threshold=0.3), "threshold": 0.3}
    intervals = {"accuracy": [0.5, 0.9], "sensitivity": [0.25, 1.0], "roc_auc": [0.7, 1.0]}
    return {
        **measured,
        "subjects": 2,
        "ppv": 1.0,
        "brier": 0.105,
        "ece": 0.2,
        "intervals": intervals,
        "cell_intervals": {"accuracy": [0.6, 0.8]},
        "operating_point": {**operating, "ppv": 1.0, "intervals": {"accuracy": [0.91, 0.99]}},
        "calibrated": {"log_loss": 0.31, "brier": 0.05, "ece": 0.01},
        "by_subject": {
            "all": {"subjects": 1, "right_interval": [0.025, 1.0]},
            "both": {"subjects": 2, "right_interval": [0.158, 1.0]},
            "intervals": {"both": [0.6, 0.9]},
        },
        "baselines": {
            "always_all": {"accuracy": 0.5, "npv": None, "undefined": ["no cell is called hem"]},
            "size_only": {"accuracy": 0.625},
        },
        "subgroups": {
            "fold": [{"name": "fold_0", "cells": 4, "specificity": None, "undefined": ["few"]}],
            "subject": [{"name": "H2", "accuracy": 1.0}],
        },
    } | more


def results(**more: Any) -> dict[str, Any]:
    return {
        "data": "C-NMC 2019",
        "threshold": 0.5,
        "temperature": 0.588,
        "warnings": [],
        "test": part(),
    } | more


def make_galleries(predictions: pd.DataFrame = PREDICTIONS) -> list[Gallery]:
    images = np.random.default_rng(1).integers(0, 255, (len(predictions), 32, 32, 3), np.uint8)
    return galleries(
        predictions,
        images=images,
        image_ids=predictions["image"].tolist(),
        explain=lambda chosen: np.ones((len(chosen), 2, 2), np.float32),
        threshold=0.5,
    )


CHARTS = (
    "history_chart",
    "interval_chart",
    "precision_recall_chart",
    "reliability_chart",
    "roc_chart",
    "subject_plot",
)
_drawn: dict[bytes, str] = {}


@contextmanager
def charts_drawn_once() -> Iterator[None]:
    """Take a chart that has been drawn of the same arguments: drawing takes most of the time."""

    def once(draw: Callable[..., str]) -> Callable[..., str]:
        def drawn(*arguments: Any, **options: Any) -> str:
            key = pickle.dumps((draw.__name__, arguments, options))
            if key not in _drawn:
                _drawn[key] = draw(*arguments, **options)
            return _drawn[key]

        return drawn

    with pytest.MonkeyPatch.context() as patch:
        for name in CHARTS:
            patch.setattr(report, name, once(getattr(report, name)))
        yield


def page(*arguments: Any, **options: Any) -> str:
    """As `drawn_page`, with the charts of an earlier page where they are the same."""
    with charts_drawn_once():
        return drawn_page(*arguments, **options)


def drawn_page(
    content: dict[str, Any] | None = None,
    *,
    predictions: pd.DataFrame = PREDICTIONS,
    split: dict[str, Any] | None = None,
    train: dict[str, Any] | None = None,
    appearance: dict[str, Any] | None = None,
    download: dict[str, Any] | None = None,
    **provenance: Any,
) -> str:
    return render_report(
        content or results(),
        predictions=predictions,
        curves=Curves(
            roc_points(predictions), precision_recall_points(predictions), RELIABILITY, RELIABILITY
        ),
        galleries=make_galleries(predictions),
        earlier=StageReports(
            download or {"verified": True}, split or SPLIT, train or {"best_epoch": 7}, HISTORY
        ),
        appearance=appearance or {"test": APPEARANCE},
        provenance=PROVENANCE | provenance,
    )


@cache
def plain_page() -> str:
    return page()
