"""What a fit tells of faults; tests of whole fits are in test_loop.py and test_main.py."""

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from stages.errors import StageError
from stages.params import ModelParams, TrainParams
from stages.train.adamax import SharedUpdateAdamax
from stages.train.device import Device
from stages.train.fit import _adamax, _out_of_memory_told
from stages.train.sources import Sources


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (Device("CPU", "CPU"), SharedUpdateAdamax),
        (Device("CPU", "2 × CPU", count=2), keras.optimizers.Adamax),
        (Device("GPU", "GPU Fictional"), keras.optimizers.Adamax),
    ],
)
def test_one_cpu_traces_the_update_of_adamax_once(device: Device, expected: type) -> None:
    assert _adamax(device) is expected


def test_too_little_memory_is_told_with_what_to_change(
    train_params: TrainParams, model_params: ModelParams
) -> None:
    nowhere = Path("nowhere")
    sources = Sources(
        train_params, model_params, 1, nowhere, nowhere, Device("GPU", "GPU Fictional")
    )
    with (
        pytest.raises(StageError) as told,
        _out_of_memory_told(sources),
        tf.device("CPU"),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    assert str(told.value).startswith("GPU Fictional has too little memory for this training")
    for remedy in ("train.batch_size`, now 4", "image_size", "precision", "accumulate_batches"):
        assert remedy in str(told.value)
