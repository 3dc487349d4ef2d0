from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from stages.common.errors import StageError
from stages.network.model import build_model
from stages.network.model_writer import write_model
from stages.network.params import ModelParams
from stages.network.trained_weights import scales_as_imagenet
from tests.small_base import small_base

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)


@pytest.fixture
def small(model_params: ModelParams) -> ModelParams:
    return replace(model_params, base="EfficientNetB0")


@pytest.fixture
def from_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Keras build for ImageNet, without the weights."""
    build = keras.applications.EfficientNetB0
    efficientnet = keras.src.applications.efficientnet

    def built(*, weights: str | None, **options: Any) -> keras.Model:
        with monkeypatch.context() as patch:
            patch.setattr(efficientnet.file_utils, "get_file", lambda *_, **__: "")
            patch.setattr(keras.src.models.functional.Functional, "load_weights", lambda *_: None)
            return build(weights=weights, **options)

    monkeypatch.setattr(keras.applications, "EfficientNetB0", built)


def trained(params: ModelParams, path: Path, *, weights: Any = None) -> keras.Model:
    """A network with weights that no start from scratch has, and its file."""
    random = np.random.default_rng(1)
    with small_base():
        network = build_model(params, image_size=32, weights=weights)
    network.set_weights([random.uniform(0.5, 1, w.shape) for w in network.get_weights()])
    write_model(network, path)
    return network


def test_the_weights_are_taken_and_all_else_is_as_the_parameters_say(
    small: ModelParams, tmp_path: Path
) -> None:
    earlier = trained(small, path := tmp_path / "model.keras")
    other = replace(small, dropout=0.11, dense=replace(small.dense, kernel_l2=0.25))
    with small_base():
        network = build_model(other, image_size=32, weights=path)
        larger = build_model(other, image_size=45, weights=path)
    for built in (network, larger):
        for ours, theirs in zip(built.get_weights(), earlier.get_weights(), strict=True):
            assert (ours == theirs).all()
        assert built.get_layer("head_dropout").rate == 0.11
        assert float(built.get_layer("head_dense").kernel_regularizer.l2) == 0.25
        assert built.get_layer("stem_bn").momentum == small.base_batch_norm_momentum.none
    assert (network.predict_on_batch(IMAGES) == earlier.predict_on_batch(IMAGES)).all()
    assert larger.input_shape == (None, 45, 45, 3)


@pytest.mark.usefixtures("from_imagenet")
def test_a_model_that_began_with_imagenet_weights_keeps_their_scaling(
    small: ModelParams, tmp_path: Path
) -> None:
    earlier = trained(small, path := tmp_path / "model.keras", weights="imagenet")
    assert scales_as_imagenet(earlier)
    with small_base():
        network = build_model(small, image_size=32, weights=path)
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in earlier.layers]
    assert (network.predict_on_batch(IMAGES) == earlier.predict_on_batch(IMAGES)).all()
    assert network.get_layer("stem_bn").momentum == small.base_batch_norm_momentum.imagenet


def test_another_network_is_told_with_what_differs(small: ModelParams, tmp_path: Path) -> None:
    trained(small, path := tmp_path / "model.keras")
    other = replace(small, dense=replace(small.dense, units=16))
    with small_base(), pytest.raises(StageError) as caught:
        build_model(other, image_size=32, weights=path)
    assert str(caught.value) == (
        f"{path}, the copy of `download.weights`, is of another network: head_dense/kernel is "
        "1280×8 there, 1280×16 here; head_dense/bias is 8 there, 16 here; probabilities/kernel is "
        "8×2 there, 16×2 here; set `model.base` and `model.dense.units` as they were when it was "
        "trained, or set `download.weights` to another model, to imagenet or to none"
    )
    with pytest.raises(StageError, match=r"block3a_expand_conv/kernel is absent there, .* more;"):
        build_model(small, image_size=32, weights=path)


def test_a_file_that_keras_does_not_load_is_told_in_one_line(
    small: ModelParams, tmp_path: Path
) -> None:
    (path := tmp_path / "model.keras").write_bytes(b"no zip")
    with pytest.raises(StageError, match=r"model\.keras, the copy of .* cannot be loaded \(.+\);"):
        build_model(small, image_size=32, weights=path)
