from dataclasses import replace

import keras
import numpy as np
import pytest

from stages.train.params import TrainParams
from stages.train.steps.compilation import compile_network
from stages.train.steps.optimizer import averaged_weights
from tests.train.networks import TWO_BLOCKS, random_cells, same, small_network, values


class Weights(keras.callbacks.Callback):
    """The trainable weights after each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self.seen.append(values(self.model.trainable_variables))


def trained(params: TrainParams, *, batches: int = 4) -> tuple[keras.Model, list[list[np.ndarray]]]:
    """A network after some batches, and its weights before the first and after each of them."""
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(network, params, precision="float32", on_gpu=False)
    first, weights = values(network.trainable_variables), Weights()
    images, labels = random_cells(4 * batches)
    network.fit(images, labels, batch_size=4, shuffle=False, callbacks=[weights], verbose=0)
    return network, [first, *weights.seen]


def by_hand(weights: list[list[np.ndarray]], decays: list[float]) -> list[np.ndarray]:
    average = weights[0]
    for decay, now in zip(decays, weights[1:], strict=True):
        average = [decay * a + (1 - decay) * w for a, w in zip(average, now, strict=True)]
    return average


@pytest.mark.parametrize("optimizer", ["Adamax", "Adam", "AdamW", "SGD"])
def test_the_average_is_that_of_a_hand_computation(
    optimizer: str, train_params: TrainParams
) -> None:
    params = replace(train_params, ema_decay=0.25, optimizer=optimizer)
    network, weights = trained(params)
    expected = by_hand(weights, [1 / 10, 2 / 11, 3 / 12, 0.25])
    for average, by_hand_ in zip(network.optimizer.averages, expected, strict=True):
        np.testing.assert_allclose(average, by_hand_, rtol=1e-4, atol=1e-6)


def test_it_does_not_change_the_training(train_params: TrainParams) -> None:
    network, _ = trained(replace(train_params, ema_decay=0.25))
    plain, _ = trained(train_params)
    assert all(same(values(network.weights), values(plain.weights)))


def test_of_accumulated_batches_it_counts_only_the_last(train_params: TrainParams) -> None:
    network, weights = trained(replace(train_params, ema_decay=0.9, accumulate_batches=2))
    expected = by_hand(weights[::2], [1 / 10, 2 / 11])
    for average, by_hand_ in zip(network.optimizer.averages, expected, strict=True):
        np.testing.assert_allclose(average, by_hand_, rtol=1e-4, atol=1e-6)


def test_inside_the_context_the_network_has_the_averages_and_else_its_weights(
    train_params: TrainParams,
) -> None:
    network, weights = trained(replace(train_params, ema_decay=0.9))
    averages, others = values(network.optimizer.averages), values(network.non_trainable_variables)
    with averaged_weights(network.optimizer):
        assert all(same(averages, values(network.trainable_variables)))
    assert all(same(weights[-1], values(network.trainable_variables)))
    with pytest.raises(RuntimeError, match="inside"), averaged_weights(network.optimizer):
        raise RuntimeError("inside")
    assert all(same(weights[-1], values(network.trainable_variables)))
    assert all(same(averages, values(network.optimizer.averages)))
    assert all(same(others, values(network.non_trainable_variables)))


def test_without_averages_the_context_changes_nothing(train_params: TrainParams) -> None:
    network, weights = trained(train_params)
    with averaged_weights(network.optimizer):
        assert all(same(weights[-1], values(network.trainable_variables)))


def test_the_variables_of_the_optimizer_are_all_that_it_knows(train_params: TrainParams) -> None:
    """Restored into a fresh one, with the weights, they give the same training from there on."""
    params = replace(train_params, ema_decay=0.9, accumulate_batches=3)
    going_on, _ = trained(params)
    resumed = small_network(seed=2, blocks=TWO_BLOCKS)
    compile_network(resumed, params, precision="float32", on_gpu=False)
    for variables in ("variables", "optimizer.variables"):
        kept, target = (
            network.variables if variables == "variables" else network.optimizer.variables
            for network in (going_on, resumed)
        )
        for variable, value in zip(target, values(kept), strict=True):
            variable.assign(value)
    for network in (going_on, resumed):
        network.fit(*random_cells(16, seed=3), batch_size=4, shuffle=False, verbose=0)
    assert all(same(values(going_on.variables), values(resumed.variables)))
    assert all(same(values(going_on.optimizer.variables), values(resumed.optimizer.variables)))
    assert len({id(variable) for variable in resumed.optimizer.variables}) == len(
        resumed.optimizer.variables
    )
