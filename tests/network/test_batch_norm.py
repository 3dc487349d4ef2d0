from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from stages.network.batch_norm import fuse_batch_norm
from stages.network.model import HEAD
from stages.network.model_writer import write_model
from stages.train.params import TrainParams
from stages.train.steps.batch_norm_reestimation import Reestimate
from stages.train.steps.compilation import compile_network
from tests.train.networks import random_cells, same, small_network, values

MAPS = np.random.default_rng(1).normal(3, 2, (2, 2, 2, 5)).astype("float32")  # 8 values a channel
FUSED = "FusedBatchNormV3"


@pytest.fixture(params=[True, False], ids=["fused", "Keras' own"])
def fused(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def one_layer(*, fused: bool) -> keras.Model:
    """Batch norm alone, with weights and averages that are not those it begins with."""
    inputs = keras.Input(MAPS.shape[1:])
    network = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.9)(inputs))
    network.set_weights(np.random.default_rng(2).uniform(0.5, 2, (4, 5)))
    if fused:
        fuse_batch_norm(network)
    return network


def in_training(network: keras.Model, *, graph: bool) -> list[Any]:
    """Outputs, gradients of the maps and of the weights, averages after it."""

    def step() -> list[tf.Tensor]:
        maps, toward = tf.constant(MAPS), tf.constant(MAPS[::-1])
        with tf.GradientTape() as tape:
            tape.watch(maps)
            outputs = network(maps, training=True)
            loss = tf.reduce_sum(tf.square(outputs - toward))
        weights = [weight.value for weight in network.trainable_variables]
        return [outputs, *tape.gradient(loss, [maps, *weights])]

    return [*(tf.function(step) if graph else step)(), *values(network.non_trainable_variables)]


@pytest.mark.parametrize("graph", [True, False])
def test_it_is_keras_own_in_outputs_gradients_and_averages(*, graph: bool) -> None:
    of_fused, of_keras = (in_training(one_layer(fused=way), graph=graph) for way in (True, False))
    assert len(of_fused) == 6
    for ours, theirs in zip(of_fused, of_keras, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def operations(network: keras.Model, *, training: bool) -> list[str]:
    """The types of the operations that the network is, as a graph."""
    call = tf.function(lambda images: network(images, training=training))
    size = network.input_shape[1:]
    graph = call.get_concrete_function(tf.TensorSpec((4, *size), tf.float32)).graph
    return [operation.type for operation in graph.get_operations()]


def test_all_of_the_base_and_not_the_head_are_fused_and_in_training_alone() -> None:
    network = small_network()
    of_maps = [layer for layer in network.layers if layer.name.endswith("_bn")]
    fuse_batch_norm(network)
    assert operations(network, training=True).count(FUSED) == len(of_maps) == 5
    assert "call" not in vars(network.get_layer(HEAD[0]))
    assert FUSED not in operations(network, training=False)


def test_frozen_it_normalises_by_its_averages_and_keeps_them(*, fused: bool) -> None:
    network = one_layer(fused=fused)
    network.trainable = False
    _, _, averages, variances = before = values(network.variables)
    gamma, beta = before[:2]
    expected = (MAPS - averages) / np.sqrt(variances + 0.001) * gamma + beta
    np.testing.assert_allclose(network(MAPS, training=True), expected, rtol=1e-4, atol=1e-5)
    assert all(same(before, values(network.variables)))


def test_statistics_are_taken_anew_with_it(train_params: TrainParams) -> None:
    batches = random_cells(12)[0].reshape(3, 4, 8, 8, 3)
    network = small_network()
    fuse_batch_norm(network)
    compile_network(network, train_params, precision="float32", on_gpu=False)
    seen = keras.Model(network.input, network.get_layer("stem_conv").output)(
        batches.reshape(12, 8, 8, 3)
    )
    Reestimate(network)(batches)
    layer = network.get_layer("stem_bn")
    np.testing.assert_allclose(layer.moving_mean, np.mean(seen, (0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, np.var(seen, (0, 1, 2)), rtol=1e-4)


def test_what_is_written_does_not_tell_of_it(tmp_path: Path) -> None:
    network = small_network()
    write_model(network, tmp_path / "as Keras has it.keras")
    fuse_batch_norm(network)
    write_model(network, tmp_path / "fused.keras")
    assert (tmp_path / "fused.keras").read_bytes() == (
        tmp_path / "as Keras has it.keras"
    ).read_bytes()
