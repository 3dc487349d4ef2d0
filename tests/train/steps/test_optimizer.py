from dataclasses import replace

import keras
import numpy as np
import pytest

from stages.train.params import TrainParams
from stages.train.steps.compilation import compile_network
from stages.train.steps.fine_tuning import begin_epoch
from stages.train.steps.optimizer import ScheduledRate, StepSchedule, build_optimizer, restart
from tests.train.networks import TWO_BLOCKS, random_cells, small_network, values


def fitted(
    params: TrainParams, *, batch_size: int, count: int = 40, epochs: int = 1
) -> keras.Model:
    """A network without batch norm and dropout, trained on the cells in their order."""
    network = small_network(dropout=0, batch_norm=False, blocks=TWO_BLOCKS)
    compile_network(network, params, precision="float32", on_gpu=False)
    images, labels = random_cells(count)
    network.fit(images, labels, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return network


@pytest.mark.parametrize("optimizer", ["Adamax", "Adam", "AdamW", "SGD"])
def test_by_default_it_has_the_settings_of_keras_own(
    optimizer: str, train_params: TrainParams
) -> None:
    built = build_optimizer(replace(train_params, optimizer=optimizer), precision="float32")
    default = getattr(keras.optimizers, optimizer)(train_params.learning_rate)
    assert built.get_config() | {"name": ""} == default.get_config() | {"name": ""}


def test_two_accumulated_batches_are_one_of_twice_the_size(train_params: TrainParams) -> None:
    accumulated = fitted(replace(train_params, accumulate_batches=2), batch_size=20)
    expected = fitted(train_params, batch_size=40)
    other = fitted(train_params, batch_size=20)
    assert int(accumulated.optimizer.iterations) == int(expected.optimizer.iterations) == 1
    for weights, others in zip(accumulated.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weights, others, rtol=1e-4, atol=1e-6)
    assert any(
        np.abs(np.array(weights) - np.array(others)).max() > 1e-3
        for weights, others in zip(accumulated.weights, other.weights, strict=True)
    )


def test_what_an_epoch_leaves_over_counts_in_the_next_one(train_params: TrainParams) -> None:
    params = replace(train_params, accumulate_batches=2)
    network = fitted(params, batch_size=20, count=60)
    left = [
        variable
        for variable in network.optimizer.variables
        if variable.name.endswith("gradient_accumulator")
    ]
    assert len(left) == len(network.trainable_variables)
    assert any(np.array(variable).any() for variable in left)
    assert int(network.optimizer.iterations) == 1
    assert int(fitted(params, batch_size=20, count=60, epochs=2).optimizer.iterations) == 3


def test_the_rate_rises_in_a_line_from_the_first_step_to_the_last_of_the_warm_up() -> None:
    assert shares(StepSchedule(4, 0, 6)) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_the_rate_falls_in_a_line_to_nothing_behind_the_last_step() -> None:
    assert shares(StepSchedule(0, 3, 6)) == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25])
    assert shares(StepSchedule(2, 2, 4)) == pytest.approx([0.5, 1, 2 / 3, 1 / 3])


def test_without_either_the_rate_is_that_of_the_policy_and_where_both_meet_the_lower_counts() -> (
    None
):
    assert shares(StepSchedule(0, 0, 3)) == [1, 1, 1]
    assert shares(StepSchedule(4, 4, 4)) == pytest.approx([0.25, 0.5, 0.4, 0.2])


def shares(schedule: StepSchedule) -> list[float]:
    return [schedule.share(step) for step in range(schedule.steps)]


class Rates(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self.seen.append(float(self.model.optimizer.learning_rate))


@pytest.mark.parametrize(("first_step", "expected"), [(0, [0.1, 0.2, 0.3, 0.4]), (3, [0.4] * 4)])
def test_warm_up_sets_the_rate_of_each_step_from_where_training_goes_on(
    first_step: int, expected: list[float], train_params: TrainParams
) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(
        network, replace(train_params, learning_rate=0.4), precision="float32", on_gpu=False
    )
    images, labels = random_cells(8)
    warm_up = ScheduledRate(
        StepSchedule(4, 0, 100), learning_rate=lambda: 0.4, first_step=first_step
    )
    rates = Rates()
    network.fit(images, labels, batch_size=4, epochs=2, callbacks=[warm_up, rates], verbose=0)
    assert rates.seen == pytest.approx(expected)


def test_warm_up_rises_to_the_rate_that_the_policy_has_come_to(train_params: TrainParams) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(network, train_params, precision="float32", on_gpu=False)
    images, labels = random_cells(8)
    policy = iter([0.4, 0.4, 0.2, 0.2])
    rates = Rates()
    warm_up = ScheduledRate(StepSchedule(4, 0, 100), learning_rate=lambda: next(policy))
    network.fit(images, labels, batch_size=2, callbacks=[warm_up, rates], verbose=0)
    assert rates.seen == pytest.approx([0.1, 0.2, 0.15, 0.2])


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_restart_leaves_rate_loss_scale_and_averages(
    precision: str, train_params: TrainParams
) -> None:
    params = replace(train_params, optimizer="Adam", ema_decay=0.9, learning_rate=0.25)
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(network, params, precision=precision, on_gpu=False)
    network.fit(*random_cells(8), batch_size=4, verbose=0)
    optimizer = network.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    scale = float(optimizer.dynamic_scale) if precision == "mixed_float16" else None
    averages = values(inner.averages)
    restart(optimizer)
    assert int(optimizer.iterations) == 0
    assert float(optimizer.learning_rate) == 0.25
    assert scale is None or float(optimizer.dynamic_scale) == scale > 0
    kept = {id(variable) for variable in inner.averages}
    slots = [
        variable
        for variable in inner.variables
        if id(variable) not in kept and variable.name != "learning_rate"
    ]
    assert len(slots) == 1 + 2 * len(network.trainable_variables)
    assert not any(np.array(variable).any() for variable in slots)
    assert all((a == b).all() for a, b in zip(averages, values(inner.averages), strict=True))


def test_an_epoch_of_the_same_layers_restarts_nothing(train_params: TrainParams) -> None:
    network = fitted(train_params, batch_size=20)
    begin_epoch(network, train_params.fine_tuning, epoch=0)
    assert int(network.optimizer.iterations) == 2
