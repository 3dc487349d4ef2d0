from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import onnxruntime
import pytest

from stages.common.errors import StageError
from stages.export.network_graph import FEATURES, PROBABILITIES, network_graph
from stages.network.model import base_layers, build_model
from stages.network.params import ModelParams
from tests.small_base import small_base

SIZE = 32


@pytest.fixture(scope="module")
def network(model_params: ModelParams) -> keras.Model:
    """A small network whose batch norms have seen something."""
    keras.utils.set_random_seed(1)
    with small_base():
        params = replace(model_params, base="EfficientNetB0")
        network = build_model(params, image_size=SIZE, weights=None)
    random = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(0, 0.2, layer.moving_mean.shape))
            layer.moving_variance.assign(random.uniform(0.5, 1.5, layer.moving_variance.shape))
            layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.2, layer.beta.shape))
    return network


def test_the_graph_answers_as_the_network(network: keras.Model) -> None:
    content = network_graph(network).SerializeToString()
    images = np.random.default_rng(2).integers(0, 256, (9, SIZE, SIZE, 3), np.uint8)
    p, features = onnxruntime.InferenceSession(content).run(
        [PROBABILITIES, FEATURES], {"fitted": images}
    )
    base = keras.Model(network.input, base_layers(network)[-1].output)
    assert np.ptp(p) > 1e-3
    assert np.abs(p - network.predict_on_batch(images)).max() < 1e-5
    assert features == pytest.approx(np.asarray(base.predict_on_batch(images)), abs=1e-4)


def test_the_same_network_gives_the_same_bytes(network: keras.Model) -> None:
    one, other = (network_graph(network).SerializeToString(deterministic=True) for _ in range(2))
    assert one == other


def test_an_unknown_layer_is_told() -> None:
    images = keras.Input((4, 4, 3))
    pooled = keras.layers.Flatten()(keras.layers.MaxPooling2D()(images))
    dense = keras.layers.Dense(2, name="head_dense")(pooled)
    with pytest.raises(StageError, match=r"layer max_pooling2d\S* of the model is a MaxPooling2D"):
        network_graph(keras.Model(images, dense))
