"""What a fit tells of faults; tests of whole fits are in test_loop.py and test_main.py."""

from pathlib import Path

import pytest
import tensorflow as tf

from stages.errors import StageError
from stages.params import ModelParams, TrainParams
from stages.train.device import Device
from stages.train.fit import _out_of_memory_told
from stages.train.sources import Sources


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
