"""What a fit tells of faults; tests of whole fits are in test_loop.py and test_main.py."""

from dataclasses import replace
from pathlib import Path

import pytest
import tensorflow as tf

from stages.common.errors import StageError
from stages.network.params import ModelParams
from stages.network.portable import softmax
from stages.train.device import Device
from stages.train.fit import _configure_batch_norm, _explain_out_of_memory
from stages.train.params import TrainParams
from stages.train.training_setup import TrainingSetup
from tests.train.networks import TWO_BLOCKS, small_network

NOWHERE = Path("nowhere")


@pytest.mark.parametrize(
    ("device", "replaced", "synchronized"),
    [
        (Device("CPU", "CPU"), True, False),
        (Device("CPU", "2 × CPU", count=2), False, True),
        (Device("GPU", "GPU Fictional"), False, False),
    ],
)
@pytest.mark.parametrize("deterministic", [True, False])
def test_batch_norm_is_replaced_on_one_cpu_and_synchronized_on_several_devices(
    train_params: TrainParams,
    model_params: ModelParams,
    device: Device,
    *,
    replaced: bool,
    synchronized: bool,
    deterministic: bool,
) -> None:
    params = replace(train_params, deterministic=deterministic)
    network = small_network(blocks=TWO_BLOCKS)
    _configure_batch_norm(
        network, TrainingSetup(params, model_params, NOWHERE, NOWHERE, NOWHERE, device)
    )
    layer = network.get_layer("stem_bn")
    assert ("call" in vars(layer), layer.synchronized) == (replaced, synchronized)
    portable = network.layers[-1].activation is softmax
    assert portable == (replaced and deterministic)


def test_too_little_memory_is_told_with_what_to_change(
    train_params: TrainParams, model_params: ModelParams
) -> None:
    setup = TrainingSetup(
        train_params, model_params, NOWHERE, NOWHERE, NOWHERE, Device("GPU", "GPU Fictional")
    )
    with (
        pytest.raises(StageError) as told,
        _explain_out_of_memory(setup),
        tf.device("CPU"),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    assert str(told.value).startswith("GPU Fictional has too little memory for this training")
    for remedy in ("train.batch_size`, now 4", "image_size", "precision", "accumulate_batches"):
        assert remedy in str(told.value)
