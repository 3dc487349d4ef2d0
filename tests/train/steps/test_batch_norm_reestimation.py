import keras
import numpy as np
import pytest

from stages.train.params import TrainParams
from stages.train.steps.batch_norm_reestimation import Reestimate
from stages.train.steps.compilation import compile_network
from tests.train.networks import random_cells, same, small_network, values

BLOCKS = ("stem", "block1a", "top")
IMAGES = random_cells(12)[0].reshape(3, 4, 8, 8, 3)


def trained(train_params: TrainParams, *, dropout: float = 0.2) -> keras.Model:
    network = small_network(dropout=dropout, blocks=BLOCKS)
    compile_network(network, train_params, precision="float32", on_gpu=False)
    network.fit(*random_cells(16), batch_size=4, verbose=0)
    return network


def test_statistics_of_the_first_layer_are_those_of_all_values_together(
    train_params: TrainParams,
) -> None:
    network = trained(train_params)
    seen = keras.Model(network.input, network.get_layer("stem_conv").output)(
        IMAGES.reshape(12, 8, 8, 3)
    )
    Reestimate(network)(IMAGES)
    layer = network.get_layer("stem_bn")
    np.testing.assert_allclose(layer.moving_mean, np.mean(seen, (0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, np.var(seen, (0, 1, 2)), rtol=1e-4)


def test_deeper_layers_see_what_layers_normalised_by_the_batch_give_them(
    train_params: TrainParams,
) -> None:
    network = trained(train_params, dropout=0)
    Reestimate(network)(IMAGES)
    inputs = keras.Model(network.input, network.get_layer("block1a_conv").output)
    seen = np.concatenate([inputs(batch, training=True) for batch in IMAGES])
    layer = network.get_layer("block1a_bn")
    np.testing.assert_allclose(layer.moving_mean, seen.mean((0, 1, 2)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, seen.var((0, 1, 2)), rtol=1e-3)


def test_it_changes_the_statistics_of_base_and_head_and_nothing_else(
    train_params: TrainParams,
) -> None:
    network = trained(train_params)
    before = values(network.variables)
    momenta = [getattr(layer, "momentum", None) for layer in network.layers]
    optimizer = values(network.optimizer.variables)
    Reestimate(network)(IMAGES)
    changed = {
        variable.path
        for variable, value in zip(network.variables, before, strict=True)
        if not (np.array(variable) == value).all()
    }
    statistics = {
        weight.path
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in (layer.moving_mean, layer.moving_variance)
    }
    assert len(statistics) == 2 * (len(BLOCKS) + 1)
    assert changed == statistics
    assert [getattr(layer, "momentum", None) for layer in network.layers] == momenta
    assert all(same(optimizer, values(network.optimizer.variables)))


def test_training_goes_on_as_if_nothing_had_been(train_params: TrainParams) -> None:
    plain, reestimated = trained(train_params), trained(train_params)
    Reestimate(reestimated)(IMAGES)
    for network in (plain, reestimated):
        network.fit(*random_cells(16), batch_size=4, shuffle=False, verbose=0)
    assert all(same(values(plain.trainable_variables), values(reestimated.trainable_variables)))


def test_the_same_weights_batches_and_random_numbers_give_the_same(
    train_params: TrainParams,
) -> None:
    network = trained(train_params)
    reestimate, results = Reestimate(network), []
    for _ in range(2):
        reestimate(IMAGES)
        results.append(values(network.variables))
    assert all(same(*results))


@pytest.mark.parametrize("frozen", [["stem_bn"], ["stem_bn", "block1a_bn"]])
def test_frozen_batch_norm_keeps_its_averages_also_where_it_froze_later(
    frozen: list[str], train_params: TrainParams
) -> None:
    network = trained(train_params)
    reestimate = Reestimate(network)
    reestimate(IMAGES)
    kept = {name: values(network.get_layer(name).weights) for name in frozen}
    for name in frozen:
        network.get_layer(name).trainable = False
        for weight in network.get_layer(name).weights:
            weight.assign(np.array(weight) + 1)
    last = values(network.get_layer("top_bn").weights)
    reestimate(IMAGES)
    for name, weights in kept.items():
        for weight, value in zip(network.get_layer(name).weights, weights, strict=True):
            assert (np.array(weight) == value + 1).all()
    assert not all(same(last, values(network.get_layer("top_bn").weights)))


def test_where_all_is_frozen_there_is_nothing_to_do(train_params: TrainParams) -> None:
    network = trained(train_params)
    for layer in network.layers:
        layer.trainable = False
    before = values(network.variables)
    Reestimate(network)(IMAGES)
    assert all(same(before, values(network.variables)))
