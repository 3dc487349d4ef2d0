from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from stages.train.input.random_numbers import NUMBERS_PER_IMAGE, uniform_numbers


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (1, 1), (123, 39), (2**31 - 1, 999)])
def test_draws_are_those_of_tensorflow(seed: int, epoch: int) -> None:
    drawn = uniform_numbers(300, seed=seed, epoch=epoch)
    assert drawn.dtype == np.float32
    for position in (*range(20), 299):
        key = tf.constant([seed + 2**32 * (epoch + 1), position], tf.int64)
        expected = tf.random.stateless_uniform([NUMBERS_PER_IMAGE], key, alg="philox").numpy()
        assert (drawn[position] == expected).all()


def test_draws_do_not_depend_on_how_many_there_are() -> None:
    assert (
        uniform_numbers(10, seed=1, epoch=2) == uniform_numbers(1000, seed=1, epoch=2)[:10]
    ).all()
