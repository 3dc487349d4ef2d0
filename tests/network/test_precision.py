from dataclasses import replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pytest

from stages.common.errors import StageError
from stages.network.model import HEAD, base_layers, build_model
from stages.network.model_writer import write_model
from stages.network.params import ModelParams
from stages.network.precision import (
    choose_precision,
    choose_xla,
    require_xla_possible,
    set_precision,
)
from stages.train.params import TrainParams
from stages.train.steps.compilation import compile_network
from tests.small_base import small_base
from tests.train.networks import TWO_BLOCKS, random_cells, small_network, values


@pytest.fixture(scope="module")
def network(model_params: ModelParams) -> keras.Model:
    keras.utils.set_random_seed(1)
    with small_base():
        return build_model(model_params, image_size=32, weights=None)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        (None, "float32"),
        ((6, 1), "float32"),
        ((7, 0), "mixed_float16"),
        ((7, 5), "mixed_float16"),
        ((8, 0), "mixed_bfloat16"),
        ((12, 0), "mixed_bfloat16"),
    ],
)
def test_auto_goes_by_what_the_gpu_has(capability: tuple[int, int] | None, expected: str) -> None:
    assert choose_precision("auto", capability=capability) == expected
    assert choose_precision("float32", capability=capability) == "float32"


def test_every_layer_of_the_base_with_weights_computes_in_it_and_the_head_in_float32(
    network: keras.Model,
) -> None:
    set_precision(network, "mixed_bfloat16")
    computing = {layer.name for layer in network.layers if layer.compute_dtype == "bfloat16"}
    trained = {layer.name for layer in base_layers(network) if layer.trainable_variables}
    assert trained < computing
    assert not computing & set(HEAD)
    assert {str(weight.dtype) for weight in network.trainable_variables} == {"float32"}
    tap = keras.Model(
        network.input, [network.get_layer(name).output for name in ("top_conv", *HEAD)]
    )
    top, *head = tap(np.zeros((1, 32, 32, 3), np.uint8))
    assert top.dtype == "bfloat16"
    assert {tensor.dtype.name for tensor in head} == {"float32"}
    set_precision(network, "float32")


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_what_is_written_does_not_tell_of_it(
    precision: str, network: keras.Model, tmp_path: Path
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), np.uint8)
    write_model(network, tmp_path / "before.keras")
    features = keras.Model(network.input, network.get_layer("max_pool").output)
    expected = np.array(features(images))
    set_precision(network, precision)
    assert (np.array(features(images)) != expected).any()
    set_precision(network, "float32")
    write_model(network, tmp_path / "after.keras")
    assert (np.array(features(images)) == expected).all()
    assert (tmp_path / "after.keras").read_bytes() == (tmp_path / "before.keras").read_bytes()


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_learns_in_it(precision: str, train_params: TrainParams) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(network, train_params, precision=precision, on_gpu=False)
    before = values(network.trainable_variables)
    losses = network.fit(*random_cells(32), batch_size=8, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert not any(
        (a == b).all() for a, b in zip(before, values(network.trainable_variables), strict=True)
    )
    scaled = isinstance(network.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled is (precision == "mixed_float16")


def test_xla_with_deterministic_operations_is_an_error() -> None:
    with pytest.raises(StageError, match=r"train\.xla is true and train\.deterministic is true"):
        require_xla_possible(True, deterministic=True)
    require_xla_possible(True, deterministic=False)
    require_xla_possible(False, deterministic=True)


@pytest.mark.parametrize(
    ("xla", "deterministic", "on_gpu", "expected"),
    [
        ("auto", False, True, True),
        ("auto", True, True, False),
        ("auto", False, False, False),
        (True, False, False, True),
        (False, False, True, False),
    ],
)
def test_auto_is_xla_on_a_gpu_that_is_used_for_free_operations(
    xla: Literal["auto"] | bool,
    deterministic: bool,
    on_gpu: bool,
    expected: bool,
    train_params: TrainParams,
) -> None:
    params = replace(train_params, xla=xla, deterministic=deterministic)
    assert choose_xla(xla, deterministic=deterministic, on_gpu=on_gpu) is expected
    network = small_network(blocks=TWO_BLOCKS)
    compile_network(network, params, precision="float32", on_gpu=on_gpu)
    assert network.jit_compile is expected
