from dataclasses import replace
from hashlib import md5
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import efficientnet
from keras.src.legacy.saving import legacy_h5_format

from stages.common.params_file import load_params
from stages.network.model import build_model
from stages.network.params import ModelParams
from tests.conftest import ROOT
from tests.small_base import small_base


@pytest.fixture(scope="module")
def params() -> ModelParams:
    shipped: ModelParams = load_params(ROOT / "params.yaml").section(ModelParams)
    return shipped


@pytest.fixture(scope="module")
def shipped(params: ModelParams) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(params, image_size=32, weights=None)


@pytest.fixture(scope="module")
def small(params: ModelParams) -> ModelParams:
    return replace(params, base="EfficientNetB0")


def test_the_shipped_network_is_the_recipe(shipped: keras.Model) -> None:
    base = keras.applications.EfficientNetB3(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="max"
    )
    head = shipped.layers[len(base.layers) :]
    assert [type(layer).__name__ for layer in shipped.layers[: len(base.layers)]] == [
        type(layer).__name__ for layer in base.layers
    ]
    assert isinstance(shipped.layers[len(base.layers) - 1], keras.layers.GlobalMaxPooling2D)
    batch_norm, dense, dropout, softmax = head
    assert (batch_norm.axis, batch_norm.momentum, batch_norm.epsilon) == (-1, 0.99, 0.001)
    assert (dense.units, dense.activation) == (256, keras.activations.relu)
    assert float(dense.kernel_regularizer.l2) == pytest.approx(0.016)
    assert float(dense.activity_regularizer.l1) == pytest.approx(0.006)
    assert float(dense.bias_regularizer.l1) == pytest.approx(0.006)
    assert dropout.rate == 0.45
    assert (softmax.units, softmax.activation) == (2, keras.activations.softmax)


def test_its_outputs_are_probabilities_of_the_two_classes(shipped: keras.Model) -> None:
    outputs = np.asarray(shipped(np.zeros((2, 32, 32, 3), np.uint8)))
    assert outputs.shape == (2, 2)
    assert outputs.sum(axis=1) == pytest.approx([1, 1])


def test_bytes_and_floats_give_the_same_because_scaling_is_inside(shipped: keras.Model) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    from_bytes, from_floats, scaled = (
        np.asarray(shipped(given)) for given in (images, images.astype("float32"), images / 255)
    )
    assert (from_bytes == from_floats).all()
    assert (from_bytes != scaled).any()


def momenta(model: keras.Model) -> set[float]:
    kind = keras.layers.BatchNormalization
    return {layer.momentum for layer in model.layers[:-4] if isinstance(layer, kind)}


def test_from_scratch_the_base_has_the_smaller_momentum(shipped: keras.Model) -> None:
    assert momenta(shipped) == {0.9}


def test_imagenet_weights_are_taken_from_keras_home_without_a_network(
    small: ModelParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "models"
    home.mkdir()
    digest = write_published_weights(home / "efficientnetb0_notop.h5")
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setitem(efficientnet.WEIGHTS_HASHES, "b0", ("", digest))
    monkeypatch.setattr(efficientnet, "BASE_WEIGHTS_PATH", "http://127.0.0.1:9/")
    model = build_model(small, image_size=32, weights="imagenet")
    assert momenta(model) == {0.99}
    assert (np.asarray(model.get_layer("stem_conv").kernel) == 0.5).all()
    rescalings = [layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)]
    assert len(rescalings) == 2  # weights="imagenet" has one that weights=<path> leaves out


def write_published_weights(path: Path) -> str:
    """Write a file in the form of Keras' published weights, all 0.5, and return its MD5."""
    model = keras.applications.EfficientNetB0(include_top=False, weights=None)
    model.set_weights([np.full(weight.shape, 0.5) for weight in model.get_weights()])
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_the_same_seed_gives_the_same_weights(small: ModelParams) -> None:
    weights = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        with small_base():
            weights.append(build_model(small, image_size=32, weights=None).get_weights())
    same = [
        all((a == b).all() for a, b in zip(weights[0], other, strict=True)) for other in weights
    ]
    assert same == [True, True, False]
