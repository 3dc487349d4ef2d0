import itertools
import json
import math
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.train.learning_rate_policy import PlateauPolicy, PolicyState, after_epoch
from stages.train.params import PolicyParams

PARAMS = PolicyParams(monitor="val_accuracy", patience=2, factor=0.5, stop_patience=3, dwell=False)
STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=30)


def run(params: PolicyParams, results: list[tuple[float, float]]) -> list[PolicyState]:
    """The states after each epoch of (validation accuracy, validation loss), until it stops."""
    states = [PolicyState(learning_rate=1.0)]
    for accuracy, loss in results:
        states.append(after_epoch(states[-1], params, accuracy=accuracy, loss=loss))
        if states[-1].stop:
            break
    return states[1:]


def test_the_rate_is_halved_after_patience_epochs_without_a_higher_accuracy() -> None:
    rates = [state.learning_rate for state in run(PARAMS, [(0.6, 1), (0.6, 1), (0.5, 1), (0.5, 1)])]
    assert rates == [1, 1, 0.5, 0.5]


def test_a_higher_accuracy_starts_the_waiting_again() -> None:
    states = run(PARAMS, [(0.5, 1), (0.4, 1), (0.6, 1), (0.5, 1)])
    assert [state.waited for state in states] == [0, 1, 0, 1]
    assert states[-1].learning_rate == 1


def test_training_stops_at_the_last_of_stop_patience_reductions() -> None:
    states = run(PARAMS, [(0.6, 1)] + [(0.5, 1)] * 20)
    assert len(states) == 1 + 2 * 3
    assert [state.learning_rate for state in states] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert [state.stop for state in states] == [False] * 6 + [True]


def test_an_improvement_forgets_the_reductions() -> None:
    states = run(PARAMS, [(0.5, 1)] * 5 + [(0.6, 1)] + [(0.5, 1)] * 20)
    assert len(states) == 6 + 2 * 3
    assert states[-1].best_epoch == 6


def test_with_patience_one_three_epochs_without_improvement_stop_it() -> None:
    params = replace(PARAMS, patience=1)
    assert len(run(params, [(0.6, 1)] + [(0.5, 1)] * 20)) == 4


def test_a_tie_in_accuracy_goes_to_the_lower_loss_and_is_no_improvement() -> None:
    states = run(PARAMS, [(0.6, 1.0), (0.6, 0.9), (0.6, 1.1)])
    assert [state.best_epoch for state in states] == [1, 2, 2]
    assert states[-1].waited == 0  # because the rate was just halved
    assert states[-1].learning_rate == 0.5


@given(STEPS)
def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lowest_loss(
    results: list[tuple[float, float]],
) -> None:
    states = run(PARAMS, results)
    seen = results[: len(states)]
    best = max(range(len(seen)), key=lambda index: (seen[index][0], -seen[index][1], -index))
    assert states[-1].best_epoch == best + 1
    assert (states[-1].best_accuracy, states[-1].best_loss) == seen[best]


@given(STEPS)
def test_the_rate_never_rises_and_only_by_the_factor(results: list[tuple[float, float]]) -> None:
    rates = [1.0] + [state.learning_rate for state in run(PARAMS, results)]
    assert all(b in (a, a * PARAMS.factor) for a, b in itertools.pairwise(rates))


BY_LOSS = replace(PARAMS, monitor="val_loss")


@given(STEPS)
def test_by_loss_the_best_epoch_has_the_lowest_and_then_the_highest_accuracy(
    results: list[tuple[float, float]],
) -> None:
    states = run(BY_LOSS, results)
    seen = results[: len(states)]
    best = max(range(len(seen)), key=lambda index: (-seen[index][1], seen[index][0], -index))
    assert states[-1].best_epoch == best + 1
    assert (states[-1].best_accuracy, states[-1].best_loss) == seen[best]


def test_by_loss_the_rate_falls_after_patience_epochs_without_a_lower_one() -> None:
    results = [(0.5, 1.0), (0.6, 1.0), (0.7, 1.5), (0.1, 0.9)]
    states = run(BY_LOSS, results)
    assert [state.learning_rate for state in states] == [1, 1, 0.5, 0.5]
    assert [state.best_epoch for state in states] == [1, 2, 2, 4]
    assert states[-1].reductions == 0


@given(STEPS)
def test_a_state_survives_json_to_the_bit(results: list[tuple[float, float]]) -> None:
    for state in [PolicyState(1.0), *run(PARAMS, results)]:
        assert PolicyState(**json.loads(json.dumps(asdict(state)))) == state


class Scripted(keras.callbacks.Callback):
    """Gives each epoch a validation result of its own, and weights that tell the epoch."""

    def __init__(self, results: list[tuple[float, float]]) -> None:
        super().__init__()
        self.results = results
        self.rates: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.rates.append(float(self.model.optimizer.learning_rate))
        logs["val_accuracy"], logs["val_loss"] = self.results[epoch]
        self.model.set_weights([np.full((1, 1), epoch + 1.0)])


def fit(
    results: list[tuple[float, float]], params: PolicyParams = PARAMS
) -> tuple[keras.Model, PlateauPolicy, Scripted]:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    scripted, policy = Scripted(results), PlateauPolicy(params, learning_rate=0.1)
    data = np.ones((2, 1), "float32")
    model.fit(data, data, epochs=len(results), callbacks=[scripted, policy], verbose=0)
    return model, policy, scripted


def test_the_model_ends_with_the_weights_of_the_best_epoch() -> None:
    model, policy, _ = fit([(0.5, 1), (0.7, 1), (0.6, 1), (0.65, 1)])
    assert policy.state.best_epoch == 2
    assert model.get_weights()[0] == 2


def test_a_fit_uses_the_rate_of_the_policy_and_stops_with_it() -> None:
    _, policy, scripted = fit([(0.5, 1)] * 12)
    assert policy.state.stop
    assert scripted.rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


@settings(max_examples=4)
@given(st.sampled_from([math.nan, math.inf]))
def test_a_validation_loss_that_is_not_finite_stops_with_an_error(loss: float) -> None:
    with pytest.raises(StageError, match=r"val_loss is (nan|inf) in epoch 2: .*learning_rate"):
        fit([(0.5, 1), (0.5, loss)])


class Weights(keras.callbacks.Callback):
    """Keeps the weight that each epoch starts from."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self.seen.append(float(self.model.get_weights()[0][0, 0]))


@pytest.mark.parametrize(("dwell", "expected"), [(False, [1, 2, 3, 4]), (True, [1, 2, 3, 2])])
def test_with_dwell_a_reduction_goes_back_to_the_best_weights(
    dwell: bool, expected: list[float]
) -> None:
    # Epoch 2 is the best; after epoch 4, the second without a better one, the rate falls.
    results = [(0.5, 1), (0.7, 1), (0.6, 1), (0.6, 1), (0.6, 1)]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    weights = Weights()
    policy = PlateauPolicy(replace(PARAMS, dwell=dwell), learning_rate=0.1)
    data = np.ones((2, 1), "float32")
    model.fit(data, data, epochs=5, callbacks=[weights, Scripted(results), policy], verbose=0)
    assert weights.seen[1:] == expected


def test_what_is_monitored_must_be_reported() -> None:
    policy = PlateauPolicy(BY_LOSS, learning_rate=0.1)
    policy.require_monitored(["val_loss", "val_accuracy"])
    with pytest.raises(
        StageError,
        match=r"`train\.policy\.monitor` is val_loss, but an epoch reports only val_loss; expected "
        r'val_accuracy, too: compile the network with metrics=\["accuracy"\]',
    ):
        policy.require_monitored(["val_loss"])
