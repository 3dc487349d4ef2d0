"""Keras' Adamax with its update of a weight traced once, not for each weight anew."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf


class SharedUpdateAdamax(keras.optimizers.Adamax):  # type: ignore[misc]
    """Adamax on one CPU, to the bit, in a graph of 344 calls of one function.

    Keras writes some 28 operations for each of EfficientNetB3's 344 weights, which are 42 % of the
    graph of a training step and as much of the time until the first one. For a GPU it is nothing:
    there the calls would cost more than they save in a long training.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a weight, its momentum and its norm."""
        index = self._get_variable_index(variable)
        update = _update(self.beta_1, self.beta_2, self.epsilon)
        handles = (_handle(each) for each in (variable, self._m[index], self._u[index]))
        step = tf.cast(self.iterations + 1, tf.float32)
        update(*handles, gradient, step, learning_rate)


@functools.cache
def _update(beta_1: float, beta_2: float, epsilon: float) -> Any:
    resource, number = tf.TensorSpec([], tf.resource), tf.TensorSpec([], tf.float32)

    @tf.function(  # type: ignore[untyped-decorator]
        autograph=False,
        input_signature=[resource] * 3 + [tf.TensorSpec(None, tf.float32), number, number],
        experimental_attributes={"_noinline": True},
    )
    def update(
        weight: tf.Tensor,
        momentum: tf.Tensor,
        norm: tf.Tensor,
        gradient: tf.Tensor,
        step: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> None:
        """Do what `keras.optimizers.Adamax.update_step` does, in the same order."""
        power = tf.pow(tf.constant(beta_1, tf.float32), step)
        change = (gradient - _read(momentum)) * (1 - beta_1)
        tf.raw_ops.AssignAddVariableOp(resource=momentum, value=change)
        largest = tf.maximum(beta_2 * _read(norm), tf.abs(gradient))
        tf.raw_ops.AssignVariableOp(resource=norm, value=largest)
        change = learning_rate * _read(momentum) / ((1 - power) * (_read(norm) + epsilon))
        tf.raw_ops.AssignSubVariableOp(resource=weight, value=change)

    return update


def _read(resource: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=resource, dtype=tf.float32)


def _handle(variable: Any) -> tf.Tensor:
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
