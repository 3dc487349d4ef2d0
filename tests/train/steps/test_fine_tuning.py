from collections.abc import Sequence
from dataclasses import replace

import keras
import pytest

from stages.common.errors import StageError
from stages.network.model import HEAD, base_layers, build_model
from stages.network.params import ModelParams
from stages.train.params import FineTuningParams, TrainParams
from stages.train.steps.compilation import compile_network
from stages.train.steps.fine_tuning import begin_epoch, check_fine_tuning
from tests.train.networks import BLOCKS, TWO_BLOCKS, random_cells, same, small_network, values

OFF = FineTuningParams(freeze_epochs=0, unfreeze_from=None, freeze_batch_norm=False)
BATCH_NORM = keras.layers.BatchNormalization


def compiled(params: TrainParams, *, blocks: Sequence[str] = TWO_BLOCKS) -> keras.Model:
    network = small_network(blocks=blocks)
    compile_network(network, params, precision="float32", on_gpu=False)
    return network


@pytest.fixture
def network(train_params: TrainParams) -> keras.Model:
    return compiled(train_params)


def fit(network: keras.Model, params: FineTuningParams, epoch: int, *, first_step: int = 0) -> None:
    begin_epoch(network, params, epoch=epoch, first_step=first_step)
    network.fit(*random_cells(16), batch_size=4, shuffle=False, verbose=0)


def moved(network: keras.Model, params: FineTuningParams, epoch: int) -> set[str]:
    """The layers whose weights, moving averages among them, are others after the epoch."""
    before = {layer.name: values(layer.weights) for layer in network.layers if layer.weights}
    fit(network, params, epoch)
    return {
        name
        for name in before
        if not all(same(before[name], values(network.get_layer(name).weights)))
    }


def names(layers: list[keras.Layer]) -> set[str]:
    return {layer.name for layer in layers if layer.weights}


def test_first_the_head_trains_and_then_all(network: keras.Model) -> None:
    params = replace(OFF, freeze_epochs=1)
    head = names(network.layers) & set(HEAD)
    assert moved(network, params, 0) == head
    assert moved(network, params, 1) == names(network.layers)


def test_the_base_trains_from_the_named_block_on(train_params: TrainParams) -> None:
    network = compiled(train_params, blocks=BLOCKS)
    params = replace(OFF, freeze_epochs=1, unfreeze_from="block2b")
    fit(network, params, 0)
    below = {
        name for name in names(network.layers) if name.startswith(("stem", "block1a", "block2a"))
    }
    assert below
    assert moved(network, params, 1) == names(network.layers) - below


def test_batch_norm_of_the_base_stays_frozen_where_asked(network: keras.Model) -> None:
    params = replace(OFF, freeze_batch_norm=True)
    frozen = names([layer for layer in base_layers(network) if isinstance(layer, BATCH_NORM)])
    assert len(frozen) == len(TWO_BLOCKS)
    assert moved(network, params, 0) == names(network.layers) - frozen


def test_frozen_batch_norm_normalises_by_its_moving_averages(network: keras.Model) -> None:
    begin_epoch(network, replace(OFF, freeze_epochs=1), epoch=0)
    layer, features = network.get_layer("stem_bn"), random_cells(4)[0][..., :1].repeat(4, -1)
    assert (layer(features, training=True) == layer(features, training=False)).numpy().all()


def test_off_changes_nothing(network: keras.Model, train_params: TrainParams) -> None:
    fit(network, OFF, 0)
    plain = compiled(train_params)
    plain.fit(*random_cells(16), batch_size=4, shuffle=False, verbose=0)
    assert all(same(values(network.weights), values(plain.weights)))


def test_the_variables_of_the_optimizer_and_the_weights_keep_their_order(
    network: keras.Model,
) -> None:
    params = replace(OFF, freeze_epochs=1, unfreeze_from="top", freeze_batch_norm=True)
    variables = [id(variable) for variable in network.optimizer.variables]
    weights = [id(variable) for variable in network.variables]
    for epoch in (0, 1, 2):
        fit(network, params, epoch)
        assert [id(variable) for variable in network.optimizer.variables] == variables
        assert [id(variable) for variable in network.variables] == weights


def test_the_second_phase_begins_with_the_optimizer_of_the_beginning(
    network: keras.Model,
) -> None:
    params = replace(OFF, freeze_epochs=2)
    updates = []
    for epoch in range(4):
        fit(network, params, epoch)
        updates.append(int(network.optimizer.iterations))
    assert updates == [4, 8, 4, 8]


def test_going_on_inside_the_second_phase_keeps_what_the_optimizer_knows(
    network: keras.Model,
) -> None:
    params = replace(OFF, freeze_epochs=1)
    fit(network, params, 1, first_step=0)
    assert int(network.optimizer.iterations) == 4
    fit(network, params, 1, first_step=2)
    assert int(network.optimizer.iterations) == 8
    fit(network, params, 1, first_step=0)
    assert int(network.optimizer.iterations) == 4


def test_a_step_is_compiled_anew_only_where_other_layers_train(network: keras.Model) -> None:
    params = replace(OFF, freeze_epochs=2)
    steps = []
    for epoch in range(4):
        fit(network, params, epoch)
        steps.append(network.train_function)
    assert steps[0] is steps[1]
    assert steps[1] is not steps[2]
    assert steps[2] is steps[3]


def test_a_block_that_the_base_lacks_is_told_with_those_that_it_has(
    model_params: ModelParams,
) -> None:
    network = build_model(model_params, image_size=32, weights=None)
    check_fine_tuning(replace(OFF, unfreeze_from="block7a"), network, weights="imagenet")
    check_fine_tuning(replace(OFF, unfreeze_from="top"), network, weights="imagenet")
    expected = (
        "train.fine_tuning.unfreeze_from is block7b, expected null or a block of the base: "
        "block1a, block2a, block2b, block3a, block3b, block4a, block4b, block4c, block5a, "
        "block5b, block5c, block6a, block6b, block6c, block6d, block7a, top$"
    )
    with pytest.raises(StageError, match=expected):
        check_fine_tuning(replace(OFF, unfreeze_from="block7b"), network, weights="imagenet")


@pytest.mark.parametrize(
    ("name", "value"),
    [("freeze_epochs", 2), ("unfreeze_from", "block2a"), ("freeze_batch_norm", True)],
)
def test_what_is_random_is_not_frozen(name: str, value: object) -> None:
    network, params = small_network(), replace(OFF, **{name: value})
    check_fine_tuning(params, network, weights="imagenet")
    expected = rf"fine_tuning.{name} is {value}, but the base starts from scratch.*download.weights"
    with pytest.raises(StageError, match=expected):
        check_fine_tuning(params, network, weights=None)
    check_fine_tuning(OFF, network, weights=None)
