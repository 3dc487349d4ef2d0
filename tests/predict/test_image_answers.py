"""The two functions for other programs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.common.errors import StageError
from stages.predict.image_answers import MOST_A_BATCH, batch_size, load_model, predict
from stages.predict.image_sources import ImageSource
from stages.predict.ordered_work import AHEAD
from stages.predict.symmetric_views import symmetric_views

from .conftest import cell, encoded
from .stand_in_model import METADATA, expected_p_all, write_stand_in


def test_pixels_and_files_are_answered_alike(folder: Path) -> None:
    model = load_model()
    (named,) = predict(model, [folder / "cells/a/0.bmp"])
    given = list(predict(model, [cell(3), cell(0)]))
    assert [answer.name for answer in given] == ["0", "1"]
    assert given[1].p_all == named.p_all == pytest.approx(expected_p_all(cell(0)), abs=1e-5)


def test_the_calibrated_answer_and_the_calls_follow_the_metadata(folder: Path) -> None:
    dark, middle, light = (np.full((8, 8, 3), value, np.uint8) for value in (60, 85, 110))
    found = list(predict(load_model(folder / "models/model.onnx"), [dark, middle, light]))
    assert [answer.call for answer in found] == ["hem", "hem", "all"]
    assert [answer.call_at_operating_point for answer in found] == ["hem", "all", "all"]
    logits = [np.log(answer.p_all / (1 - answer.p_all)) for answer in found]
    calibrated = [1 / (1 + np.exp(-logit / METADATA["temperature"])) for logit in logits]
    assert [answer.p_all_calibrated for answer in found] == pytest.approx(calibrated, abs=1e-6)


@pytest.mark.usefixtures("folder")
def test_an_image_that_cannot_be_read_is_an_error_or_told_to_the_caller() -> None:
    model = load_model()
    images = ["cells/a/0.bmp", "nowhere.png", np.zeros((8, 8), np.uint8), cell(1)]
    with pytest.raises(StageError, match=r"^nowhere\.png: there is no such file"):
        list(predict(model, images))
    told: dict[str, str] = {}
    found = list(predict(model, images, unreadable=told.__setitem__))
    assert [answer.name for answer in found] == ["cells/a/0.bmp", "3"]
    assert list(told) == ["nowhere.png", "2"]
    assert told["2"] == "it is uint8 (8, 8), expected uint8 (height, width, 3), RGB"


@pytest.mark.usefixtures("folder")
def test_images_are_asked_for_only_as_fast_as_answers_are_taken() -> None:
    asked = itertools.count()

    def endless() -> Iterator[np.ndarray]:
        while True:
            next(asked)
            yield cell(1)

    answers = predict(load_model(), endless())
    for _ in range(5):
        next(answers)
    answers.close()
    assert next(asked) < 10_000


@pytest.mark.usefixtures("folder")
def test_the_order_is_that_of_the_input_though_images_take_unlike_times() -> None:
    last_read = threading.Event()

    def slow() -> bytes:
        assert last_read.wait(60)
        return encoded(cell(0))

    def last() -> bytes:
        last_read.set()
        return encoded(cell(1))

    between = [cell(2)] * (MOST_A_BATCH * AHEAD - 2)
    images = [ImageSource("slow", slow), *between, ImageSource("last", last)]
    names = [answer.name for answer in predict(load_model(), images)]
    assert names == ["slow", *map(str, range(1, len(between) + 1)), "last"]


def test_the_answer_of_the_symmetries_is_that_of_their_mean_logit(folder: Path) -> None:
    model = load_model(folder / "models/model.onnx")
    (plain,), (mean,) = predict(model, [cell(3)]), predict(model, [cell(3)], tta=True)
    # The stand-in sees the brightness alone, which no symmetry changes.
    assert mean.p_all == pytest.approx(plain.p_all, abs=1e-6)
    assert mean.p_all_calibrated == pytest.approx(plain.p_all_calibrated, abs=1e-6)
    assert mean.note == plain.note


@pytest.mark.integration
def test_the_symmetries_are_those_of_evaluate() -> None:
    from stages.network.predict import SYMMETRIES

    images = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 3), np.uint8)
    for ours, evaluates in zip(symmetric_views(images), SYMMETRIES, strict=True):
        assert np.array_equal(ours, evaluates(images))


@pytest.mark.usefixtures("folder")
def test_images_that_are_no_squares_have_symmetries_too() -> None:
    whole = METADATA["input"] | {"fit": "whole", "crop_size": None}
    write_stand_in(Path("whole.onnx"), METADATA | {"input": whole})
    (found,) = predict(load_model("whole.onnx"), [cell(3, size=(9, 14))], tta=True)
    assert found.p_all == pytest.approx(expected_p_all(cell(3, size=(9, 14))), abs=1e-6)


def test_transparent_pixels_lie_on_the_background_of_the_model(folder: Path) -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    (folder / "clear.png").write_bytes(encoded(clear))
    grey = METADATA["input"] | {"background": [100, 100, 100]}
    write_stand_in(folder / "grey.onnx", METADATA | {"input": grey})
    (found,) = predict(load_model(folder / "grey.onnx"), [folder / "clear.png"])
    assert found.p_all == pytest.approx(0.5, abs=1e-6)


def test_small_images_are_asked_for_together_and_large_ones_alone() -> None:
    assert [batch_size(size) for size in (8, 48, 96, 224, 300, 10_000)] == [32, 21, 5, 1, 1, 1]
