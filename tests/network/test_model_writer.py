import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.saving import saving_lib

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


def test_the_bytes_do_not_depend_on_the_memory_that_is_free(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(model, tmp_path / "much.keras")
    monkeypatch.setattr(saving_lib, "_MEMORY_UPPER_BOUND", 0)
    assert not saving_lib.is_memory_sufficient(model)
    write_model(model, tmp_path / "little.keras")
    assert (tmp_path / "much.keras").read_bytes() == (tmp_path / "little.keras").read_bytes()
    assert not saving_lib.is_memory_sufficient(model)


def test_an_older_keras_knows_every_setting_in_it(model: keras.Model, tmp_path: Path) -> None:
    write_model(model, tmp_path / "model.keras")
    for class_name, settings in settings_in(tmp_path / "model.keras"):
        assert settings <= set(KERAS_3_0[class_name].split()), class_name


def test_a_setting_that_an_older_keras_does_not_know_stays_where_it_says_something(
    tmp_path: Path,
) -> None:
    images = keras.Input((4, 4, 3))
    outputs = keras.layers.BatchNormalization(renorm=True)(images)
    write_model(keras.Model(images, outputs), tmp_path / "model.keras")
    found = dict(settings_in(tmp_path / "model.keras"))
    assert "renorm" in found["BatchNormalization"]


_LAYER = "dtype name trainable"
_BIAS = "activity_regularizer bias_constraint bias_initializer bias_regularizer use_bias"
_CONVOLUTION = f"{_LAYER} {_BIAS} activation data_format dilation_rate kernel_size padding strides"
KERAS_3_0 = {
    "Activation": f"{_LAYER} activation",
    "Add": _LAYER,
    "BatchNormalization": f"{_LAYER} axis beta_constraint beta_initializer beta_regularizer center "
    "epsilon gamma_constraint gamma_initializer gamma_regularizer momentum moving_mean_initializer "
    "moving_variance_initializer scale synchronized",
    "Conv2D": f"{_CONVOLUTION} filters groups kernel_constraint kernel_initializer "
    "kernel_regularizer",
    "DTypePolicy": "name",
    "Dense": f"{_LAYER} {_BIAS} activation kernel_constraint kernel_initializer kernel_regularizer "
    "units",
    "DepthwiseConv2D": f"{_CONVOLUTION} depth_multiplier depthwise_constraint "
    "depthwise_initializer depthwise_regularizer",
    "Dropout": f"{_LAYER} noise_shape rate seed",
    "Functional": "input_layers layers name output_layers trainable",
    "GlobalAveragePooling2D": f"{_LAYER} data_format keepdims",
    "GlobalMaxPooling2D": f"{_LAYER} data_format keepdims",
    "GlorotUniform": "seed",
    "InputLayer": "batch_shape dtype name ragged sparse",
    "L1": "l1",
    "L2": "l2",
    "Multiply": _LAYER,
    "Normalization": f"{_LAYER} axis invert mean variance",
    "Ones": "",
    "Rescaling": f"{_LAYER} offset scale",
    "Reshape": f"{_LAYER} target_shape",
    "VarianceScaling": "distribution mode scale seed",
    "ZeroPadding2D": f"{_LAYER} data_format padding",
    "Zeros": "",
    "__keras_tensor__": "dtype keras_history shape",
}
"""What Keras 3.0.5 takes, of the network's parts: tried on a file of the whole network."""


def settings_in(path: Path) -> Iterator[tuple[str, set[str]]]:
    with zipfile.ZipFile(path) as archive:
        waiting = [json.loads(archive.read("config.json"))]
    while waiting:
        part = waiting.pop()
        inner = part.values() if isinstance(part, dict) else part
        waiting += [value for value in inner if isinstance(value, dict | list)]
        if isinstance(part, dict) and {"class_name", "config"} <= set(part):
            yield part["class_name"], set(part["config"])
