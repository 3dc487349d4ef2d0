from dataclasses import replace
from typing import Any

import keras
import pytest
import tensorflow as tf

from stages.train.params import FineTuningParams, TrainParams
from stages.train.steps.adamax import SharedUpdateAdamax
from stages.train.steps.compilation import compile_network
from stages.train.steps.fine_tuning import begin_epoch
from tests.train.networks import random_cells, same, small_network, values

KERAS = keras.optimizers.Adamax
FROZEN = FineTuningParams(freeze_epochs=1, unfreeze_from=None, freeze_batch_norm=True)


def network(params: TrainParams, adamax: type[Any]) -> keras.Model:
    made = small_network()
    compile_network(made, params, precision="float32", on_gpu=False, adamax=adamax)
    return made


@pytest.mark.parametrize(
    "levers", [{}, {"accumulate_batches": 2}, {"ema_decay": 0.9}, {"fine_tuning": FROZEN}]
)
def test_it_leaves_the_bits_that_keras_own_leaves(
    levers: dict[str, Any], train_params: TrainParams
) -> None:
    params = replace(train_params, **levers)
    left = []
    for adamax in (KERAS, SharedUpdateAdamax):
        made = network(params, adamax)
        for epoch in range(2):
            begin_epoch(made, params.fine_tuning, epoch=epoch)
            made.fit(*random_cells(20), batch_size=4, shuffle=False, verbose=0)
        left.append(values([*made.variables, *made.optimizer.variables]))
    assert all(same(*left))
    started = network(params, KERAS)
    assert not all(same(left[0], values([*started.variables, *started.optimizer.variables])))


def test_its_graph_is_the_smaller_one(train_params: TrainParams) -> None:
    def nodes(adamax: type[Any]) -> int:
        made = network(train_params, adamax)
        weights = made.trainable_variables
        apply = tf.function(lambda: made.optimizer.apply([weight * 1 for weight in weights]))
        return len(apply.get_concrete_function().graph.as_graph_def().node)

    assert nodes(SharedUpdateAdamax) < nodes(KERAS) / 2
