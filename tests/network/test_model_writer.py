import re
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from stages.network.model import build_model
from stages.network.model_writer import write_model
from stages.network.params import ModelParams
from tests.small_base import small_base


@pytest.fixture(scope="module")
def model(model_params: ModelParams) -> keras.Model:
    keras.utils.set_random_seed(1)
    with small_base():
        model = build_model(model_params, image_size=32, weights=None)
    model.compile("adamax", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def test_it_loads_and_predicts_the_same(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "models" / "model.keras"
    write_model(model, path)
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    loaded = keras.models.load_model(path)
    assert (loaded.predict_on_batch(images) == model.predict_on_batch(images)).all()


def test_the_same_model_gives_the_same_bytes_at_another_time(
    model: keras.Model, tmp_path: Path
) -> None:
    write_model(model, tmp_path / "a.keras")
    time.sleep(2.1)  # a zip tells times to two seconds
    write_model(model, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_the_optimizer_is_left_out_and_nothing_else_lies_about(
    model: keras.Model, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    write_model(model, path)
    assert getattr(keras.models.load_model(path), "optimizer", None) is None
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_no_date_stands_in_it(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    write_model(model, path)
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"date" not in archive.read("metadata.json")


def test_no_memory_address_stands_in_it(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model.save(tmp_path / "as_keras_writes_it.keras")
    write_model(model, path)
    found = []
    for file in (tmp_path / "as_keras_writes_it.keras", path):
        with zipfile.ZipFile(file) as archive:
            config = archive.read("config.json").decode()
        found.append([int(digits) for digits in re.findall(r'"shared_object_id": (\d+)', config)])
    assert min(found[0]) > 1_000_000  # else Keras has mended it, and `_reproducible_config` may go
    assert set(found[1]) == set(range(len(set(found[0]))))
