"""What a fit tells of faults; tests of whole fits are in test_loop.py and test_main.py."""

from pathlib import Path

import pytest
import tensorflow as tf

from stages.common.errors import StageError
from stages.network.params import ModelParams
from stages.train.device import Device
from stages.train.fit import _configure_batch_norm, _explain_out_of_memory
from stages.train.params import TrainParams
from stages.train.training_setup import TrainingSetup
from tests.train.networks import small_network


@pytest.mark.parametrize(
    ("device", "fused", "synchronized"),
    [
        (Device("CPU", "CPU"), True, False),
        (Device("CPU", "2 × CPU", count=2), False, True),
        (Device("GPU", "GPU Fictional"), False, False),
    ],
)
def test_batch_norm_is_fused_on_one_cpu_and_synchronized_on_several_devices(
    device: Device, *, fused: bool, synchronized: bool
) -> None:
    network = small_network()
    _configure_batch_norm(network, device)
    layer = network.get_layer("stem_bn")
    assert ("call" in vars(layer), layer.synchronized) == (fused, synchronized)


def test_too_little_memory_is_told_with_what_to_change(
    train_params: TrainParams, model_params: ModelParams
) -> None:
    nowhere = Path("nowhere")
    setup = TrainingSetup(
        train_params, model_params, nowhere, nowhere, Device("GPU", "GPU Fictional")
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
