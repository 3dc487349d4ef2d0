from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from stages.train.params import TrainParams
from stages.train.steps.optimizer import build_optimizer

STEPS = 20
ADAPTIVE = ["Adam", "AdamW", "Adamax"]


def trained(optimizer: Any, *, run: Any = tf.function) -> list[np.ndarray[Any, Any]]:
    """The weights after steps with gradients of many sizes, and the optimizer's own variables."""
    random = np.random.default_rng(1)
    weights = [
        keras.Variable(random.standard_normal(shape).astype("float32")) for shape in [(3, 5), (7,)]
    ]
    optimizer.build(weights)

    @run
    def step(*gradients: tf.Tensor) -> None:
        optimizer.apply(list(gradients))

    for _ in range(STEPS):
        step(
            *(
                tf.constant(
                    random.standard_normal(w.shape) * 10.0 ** random.integers(-4, 3), "float32"
                )
                for w in weights
            )
        )
    return [np.array(variable) for variable in [*weights, *optimizer.variables]]


@pytest.mark.parametrize("name", ADAPTIVE)
def test_steps_are_those_of_keras_own_but_for_rounding(
    name: str, train_params: TrainParams
) -> None:
    params = replace(train_params, optimizer=name, learning_rate=0.01)
    ours = trained(build_optimizer(params, precision="float32"))
    keras_own = trained(getattr(keras.optimizers, name)(0.01))
    for fused, expected in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(fused, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_an_update_of_a_weight_is_one_operation(name: str, train_params: TrainParams) -> None:
    optimizer = build_optimizer(replace(train_params, optimizer=name), precision="float32")
    weights = [keras.Variable(np.ones(3, "float32")) for _ in range(50)]
    optimizer.build(weights)
    step = tf.function(lambda gradient: optimizer.apply([gradient] * 50))
    kinds = [
        operation.type
        for operation in step.get_concrete_function(tf.ones(3)).graph.get_operations()
    ]
    fused = "ResourceApplyAdaMax" if name == "Adamax" else "ResourceApplyAdam"
    assert kinds.count(fused) == 50
    assert kinds.count("Pow") == 2
    assert kinds.count("Sqrt") == 0
