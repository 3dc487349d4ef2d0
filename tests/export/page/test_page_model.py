"""The model of the page has short kernels where they change no answer."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from stages.export.page import page_model as module
from stages.export.page.page_model import AnsweredCell, page_model
from stages.export.page.short_kernels import with_short_kernels

from .small_classifier import small_classifier

MODEL = small_classifier()
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 60, 60, 3), np.uint8)


def p_all(model: bytes) -> list[float]:
    answers = onnxruntime.InferenceSession(model).run(["p_all"], {"image": IMAGES})[0]
    return [float(value) for value in answers]


CELLS = [
    AnsweredCell({"image": image[np.newaxis]}, p_all)
    for image, p_all in zip(IMAGES, p_all(MODEL), strict=True)
]


def test_it_has_short_kernels_where_each_cell_is_answered_the_same() -> None:
    assert page_model(MODEL, CELLS, thresholds=[0.1, 0.99]) == with_short_kernels(MODEL)


def test_it_stays_as_it_is_where_short_kernels_change_a_call() -> None:
    between = np.mean([p_all(MODEL)[2], p_all(with_short_kernels(MODEL))[2]])

    assert page_model(MODEL, CELLS, thresholds=[0.1, float(between)]) == MODEL


def test_it_stays_as_it_is_where_short_kernels_change_an_answer_too_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_DIFFERENCE", 0.0)

    assert page_model(MODEL, CELLS, thresholds=[0.1]) == MODEL
