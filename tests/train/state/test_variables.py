import keras
import numpy as np
import pytest

from stages.train.state.variables import assign, reset_seeds, values


@pytest.fixture
def network() -> keras.Model:
    inputs = keras.Input((8,))
    features = keras.layers.Dropout(0.5)(keras.layers.Dense(8)(inputs))
    return keras.Model(inputs, keras.layers.Dropout(0.5)(features))


def drawn(network: keras.Model) -> list[list[float]]:
    """What dropout makes of ones, twice: the second draw is another."""
    ones = np.ones((1, 8), np.float32)
    return [np.asarray(network(ones, training=True)).tolist() for _ in range(2)]


def test_values_that_are_assigned_are_those_from_before(network: keras.Model) -> None:
    kept = values(network.variables)
    first = drawn(network)
    network.set_weights([array + 1 for array in network.get_weights()])
    assert drawn(network) != first
    assign(network.variables, kept)
    assert drawn(network) == first


def test_values_do_not_change_with_their_variables(network: keras.Model) -> None:
    kept = values(network.variables)
    copies = [array.copy() for array in kept]
    network.set_weights([array + 1 for array in network.get_weights()])
    assert all((array == copy).all() for array, copy in zip(kept, copies, strict=True))


def test_too_few_values_are_refused(network: keras.Model) -> None:
    with pytest.raises(ValueError, match="shorter"):
        assign(network.variables, values(network.variables)[:-1])


def test_dropout_is_a_function_of_seed_and_epoch(network: keras.Model) -> None:
    network.set_weights([np.eye(8), np.zeros(8)])
    found = {}
    for seed, epoch in [(1, 0), (1, 1), (2, 0), (1, 0)]:
        reset_seeds(network.variables, seed=seed, epoch=epoch)
        draws = drawn(network)
        assert draws[0] != draws[1]
        assert found.setdefault((seed, epoch), draws) == draws
    assert len({str(draws) for draws in found.values()}) == 3


def test_each_dropout_has_a_seed_of_its_own_and_weights_are_left_alone(
    network: keras.Model,
) -> None:
    weights = network.get_weights()
    reset_seeds(network.variables, seed=1, epoch=0)
    states = [v for v in network.variables if not any(v is weight for weight in network.weights)]
    assert len({str(state) for state in values(states)}) == 2
    assert all((a == b).all() for a, b in zip(weights, network.get_weights(), strict=True))
