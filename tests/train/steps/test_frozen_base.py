from dataclasses import replace

import keras
import numpy as np
import pytest

from stages.dataset.shard_reader import Cells
from stages.network.model import HEAD, base_layers
from stages.train.input.input_pipeline import InputPipeline
from stages.train.params import AugmentationParams, FineTuningParams, TrainParams
from stages.train.steps.batch_norm_reestimation import Reestimate
from stages.train.steps.compilation import compile_head, compile_network
from stages.train.steps.fine_tuning import begin_epoch
from stages.train.steps.frozen_base import features_are_constant, frozen_base
from tests.train.networks import TWO_BLOCKS, random_cells, same, small_network, values

FROZEN = FineTuningParams(freeze_epochs=1, unfreeze_from=None, freeze_batch_norm=False)
NONE = AugmentationParams(
    horizontal_flip=False,
    vertical_flip=False,
    quarter_turns=False,
    rotation_degrees=0.0,
    brightness=0.0,
    stain=0.0,
)


@pytest.fixture
def params(train_params: TrainParams) -> TrainParams:
    return replace(train_params, fine_tuning=FROZEN, augmentation=NONE)


@pytest.fixture
def inputs(params: TrainParams) -> InputPipeline:
    training, validation = (
        Cells(*random_cells(count), image_ids=[], subjects=[]) for count in (18, 6)
    )
    return InputPipeline(training, validation, params, seed=1, devices=1)


def frozen_network(params: TrainParams) -> keras.Model:
    network = small_network(dropout=0.5, blocks=TWO_BLOCKS)
    compile_network(network, params, precision="float32", on_gpu=False)
    begin_epoch(network, params.fine_tuning, epoch=0)
    return network


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("horizontal_flip", True),
        ("quarter_turns", True),
        ("rotation_degrees", 5.0),
        ("brightness", 0.1),
        ("stain", 0.1),
    ],
)
def test_features_are_computed_once_where_nothing_random_stands_before_a_frozen_base(
    change: str, value: object, params: TrainParams
) -> None:
    assert features_are_constant(params)
    assert not features_are_constant(replace(params, augmentation=replace(NONE, **{change: value})))
    assert not features_are_constant(replace(params, fine_tuning=replace(FROZEN, freeze_epochs=0)))


def test_of_features_the_head_learns_what_it_learns_of_images(
    params: TrainParams, inputs: InputPipeline
) -> None:
    trained, told = [], []
    augmented = replace(params, augmentation=replace(NONE, horizontal_flip=True))
    for features in (True, False):
        network = frozen_network(params)
        head = compile_head(network, params if features else augmented)
        seen = inputs.with_features(frozen_base(network), callbacks=[]) if features else inputs
        head.fit(seen.training(0), steps_per_epoch=seen.steps, shuffle=False, verbose=0)
        told.append(head.evaluate(seen.validation, verbose=0))
        trained.append(values(network.weights))
    for first, second in zip(*trained, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
    np.testing.assert_allclose(*told, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
def test_xla_compiles_the_features_where_it_compiles_the_network(compiled: bool) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    network.jit_compile = compiled
    assert frozen_base(network).jit_compile is compiled


@pytest.mark.parametrize("augmented", [False, True])
def test_only_the_head_trains_and_with_the_optimizer_of_the_network(
    augmented: bool, params: TrainParams, inputs: InputPipeline
) -> None:
    network = frozen_network(params)
    before = {layer.name: values(layer.variables) for layer in network.layers}
    params = replace(params, augmentation=replace(NONE, vertical_flip=augmented))
    head = compile_head(network, params)
    seen = inputs if augmented else inputs.with_features(frozen_base(network), callbacks=[])
    head.fit(seen.training(0), steps_per_epoch=seen.steps, shuffle=False, verbose=0)
    for layer in base_layers(network):  # the seeds of its stochastic depth, too: it is not used
        assert all(same(before[layer.name], values(layer.variables))), layer.name
    moved = {
        layer.name
        for layer in network.layers
        if layer.weights and not all(same(before[layer.name], values(layer.variables)))
    }
    assert moved == set(HEAD) - {"head_dropout"}
    assert int(network.optimizer.iterations) == seen.steps


def test_features_keep_order_and_targets_of_their_images(inputs: InputPipeline) -> None:
    def brightness() -> keras.Model:
        images = keras.Input((8, 8, 3))
        return keras.Model(images, keras.ops.mean(images, axis=(1, 2)))

    described = inputs.with_features(brightness(), callbacks=[])
    for images, features in (
        (inputs.training(2), described.training(2)),
        (inputs.validation, described.validation),
    ):
        pairs = list(zip(images, features, strict=True))
        assert pairs
        for (pixels, targets), (row, same_targets) in pairs:
            np.testing.assert_allclose(row, pixels.numpy().mean((1, 2)), rtol=1e-5)
            assert (targets.numpy() == same_targets.numpy()).all()


def test_the_network_is_written_as_if_it_had_never_been_frozen(params: TrainParams) -> None:
    network = frozen_network(params)
    plain = network.to_json()
    compile_head(network, params)
    compile_head(network, replace(params, augmentation=replace(NONE, vertical_flip=True)))
    assert network.to_json() == plain


@pytest.mark.parametrize("augmented", [False, True])
def test_statistics_taken_anew_are_those_of_the_head(
    augmented: bool, params: TrainParams, inputs: InputPipeline
) -> None:
    network = frozen_network(params)
    before = {layer.name: values(layer.weights) for layer in network.layers}
    head = compile_head(
        network, replace(params, augmentation=replace(NONE, vertical_flip=augmented))
    )
    base = frozen_base(network)
    seen = inputs if augmented else inputs.with_features(base, callbacks=[])
    batches = [images for images, _ in seen.training(0).take(4)]
    Reestimate(network, fitted=head)(batches)
    features = np.concatenate([base(batch) if augmented else batch for batch in batches])
    layer = network.get_layer(HEAD[0])
    np.testing.assert_allclose(layer.moving_mean, features.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, features.var(0), rtol=1e-3)
    moved = {name for name in before if not same_all(before[name], network.get_layer(name))}
    assert moved == {HEAD[0]}


def same_all(before: list[np.ndarray], layer: keras.Layer) -> bool:
    return all(same(before, values(layer.weights)))
