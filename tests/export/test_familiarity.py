"""What the training cells look like is fitted, and unlike cells are far from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.export.familiarity import Familiarity, distances, fit_familiarity, look
from stages.preprocess.appearance import COLUMNS, appearance
from tests.export.drawn_cells import disc_image, training_cells


def fitted(images: np.ndarray, seed: int = 0) -> Familiarity:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(len(images), 20)).astype(np.float32)
    table = pd.DataFrame([appearance(image) for image in images], columns=list(COLUMNS[1:]))
    labels = np.arange(len(images)) % 2
    return fit_familiarity(features, features[::2], labels, table, training_images=images)


def test_features_far_from_the_training_cells_are_beyond_the_limit() -> None:
    known = fitted(training_cells())
    far = np.full((1, 20), 30, np.float32)
    assert distances(far, known)[0] > known.distance_limit
    assert distances(known.centres, known) == pytest.approx([0, 0])


def test_the_background_rule_is_that_of_preprocess() -> None:
    generator = np.random.default_rng(1)
    for spread in (1, 5, 13, 25, 26, 200):
        image = generator.integers(0, spread, (48, 48, 3)).astype(np.uint8)
        assert look(image)[0] == bool(appearance(image)[-1])


def test_cells_are_counted_without_specks() -> None:
    one = disc_image((24, 24))
    one[2, 20] = 90
    assert look(one)[3] == 1
    assert look(disc_image((12, 12), (34, 34)))[3] == 2


def test_a_set_without_a_uniform_background_is_known_as_such() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (60, 48, 48, 3)).astype(np.uint8)
    assert not fitted(noise).uniform_background
    assert fitted(training_cells()).uniform_background


def test_features_that_are_not_finite_are_an_error() -> None:
    table = pd.DataFrame([appearance(disc_image((24, 24)))] * 12, columns=list(COLUMNS[1:]))
    images = training_cells(12)
    bad = np.full((12, 20), np.nan, np.float32)
    with pytest.raises(StageError, match="all of them finite"):
        fit_familiarity(bad, bad, np.arange(12) % 2, table, training_images=images)
