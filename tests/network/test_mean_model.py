from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from stages.network.mean_model import mean_model
from stages.network.model_reader import load_classifier
from stages.network.model_writer import write_model
from tests.evaluate.conftest import SIZE, brightness_model

SLOPES = (2.0, 10.0, -3.0)


def test_the_model_file_gives_the_mean_of_its_members_logits(tmp_path: Path) -> None:
    members = [brightness_model(slope=slope) for slope in SLOPES]
    images = np.random.default_rng(1).integers(0, 256, (5, SIZE, SIZE, 3)).astype(np.float32)
    logits = [np.log(np.asarray(member(images))) for member in members]
    mean = np.mean(logits, axis=0)
    expected = np.exp(mean) / np.exp(mean).sum(axis=1, keepdims=True)

    path = tmp_path / "ensemble.keras"
    write_model(mean_model(members), path)
    loaded = load_classifier(path, image_size=SIZE)
    assert loaded.predict_on_batch(images) == pytest.approx(expected, abs=1e-6)


def test_a_certain_member_gives_no_infinite_logit() -> None:
    members = [brightness_model(slope=slope) for slope in (1e4, 1.0)]
    white = np.full((1, SIZE, SIZE, 3), 255, np.float32)
    found = np.asarray(mean_model(members)(white))
    assert np.isfinite(found).all()
    assert found[0, 1] > 0.999


def test_the_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        keras.utils.clear_session()  # as in a process of its own
        write_model(mean_model([brightness_model(), brightness_model(slope=2.0)]), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
