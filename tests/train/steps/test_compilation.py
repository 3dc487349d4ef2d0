from dataclasses import replace

import pytest

from stages.common.errors import StageError
from stages.train.params import TrainParams
from stages.train.steps.compilation import check_training, compile_network
from tests.train.networks import small_network


def check(params: TrainParams, *, steps: int = 3, devices: int = 1) -> None:
    check_training(params, small_network(), weights=None, steps=steps, devices=devices)


@pytest.mark.parametrize("name", ["accumulate_batches", "reestimate_batch_norm"])
def test_more_batches_than_an_epoch_has_are_an_error(name: str, train_params: TrainParams) -> None:
    check(replace(train_params, **{name: 3}))
    expected = f"train.{name} is 4, expected at most 3: the batches of an epoch; lower it, or "
    with pytest.raises(StageError, match=expected):
        check(replace(train_params, **{name: 4}))


def test_xla_that_would_be_left_out_and_fine_tuning_from_scratch_are_errors(
    train_params: TrainParams,
) -> None:
    with pytest.raises(StageError, match=r"train\.xla"):
        check(replace(train_params, xla=True, deterministic=True))
    fine_tuning = replace(train_params.fine_tuning, freeze_epochs=1)
    with pytest.raises(StageError, match=r"train\.fine_tuning\.freeze_epochs"):
        check(replace(train_params, fine_tuning=fine_tuning))


def test_a_base_that_would_never_train_is_an_error(train_params: TrainParams) -> None:
    fine_tuning = replace(train_params.fine_tuning, freeze_epochs=2)
    params = replace(train_params, epochs=2, fine_tuning=fine_tuning)
    with pytest.raises(StageError, match=r"freeze_epochs is 2, expected less than .*epochs`, 2"):
        check_training(params, small_network(), weights="imagenet", steps=3, devices=1)


def test_accumulation_on_several_devices_is_an_error(train_params: TrainParams) -> None:
    params = replace(train_params, accumulate_batches=2)
    check(params)
    with pytest.raises(StageError, match="accumulate_batches is 2 and 4 devices share each batch"):
        check(params, devices=4)


def test_dwelling_on_averaged_weights_is_an_error(train_params: TrainParams) -> None:
    dwelling = replace(train_params, policy=replace(train_params.policy, dwell=True))
    check(dwelling)
    with pytest.raises(StageError, match=r"dwell is true and train\.ema_decay is set"):
        check(replace(dwelling, ema_decay=0.9))


def test_the_optimizer_is_built_with_every_weight_before_the_first_step(
    train_params: TrainParams,
) -> None:
    network = small_network()
    compile_network(network, train_params, precision="float32", on_gpu=False)
    assert len(network.optimizer.variables) == 2 + 2 * len(network.trainable_variables)
