"""Kernels in 16 bits: fewer bytes, the same answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from stages.export.page.half_weights import with_half_weights

from .small_classifier import small_classifier


def kernels(model: bytes) -> dict[str, np.ndarray]:
    return {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load_model_from_string(model).graph.initializer
    }


def test_large_kernels_take_half_the_bytes_and_all_else_is_as_it_was() -> None:
    before, after = kernels(small_classifier()), kernels(with_half_weights(small_classifier()))

    assert after.pop("kernel/half").nbytes * 2 == before.pop("kernel").nbytes
    assert after.keys() == before.keys()
    for name, values in after.items():
        np.testing.assert_array_equal(values, before[name])


def test_the_answers_are_the_same_within_what_16_bits_hold() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 60, 60, 3), np.uint8)
    whole, half = (
        onnxruntime.InferenceSession(model).run(["p_all"], {"image": images})[0]
        for model in (small_classifier(), with_half_weights(small_classifier()))
    )

    assert half == pytest.approx(whole, abs=1e-3)
    assert (half != whole).any()


def test_a_kernel_beyond_16_bits_stays_as_it_is() -> None:
    model = onnx.load_model_from_string(small_classifier())
    (kernel,) = [one for one in model.graph.initializer if one.name == "kernel"]
    values = numpy_helper.to_array(kernel).copy()
    values.flat[0] = 70_000
    kernel.CopyFrom(numpy_helper.from_array(values, "kernel"))

    kept = kernels(with_half_weights(model.SerializeToString()))
    np.testing.assert_array_equal(kept["kernel"], values)


def test_the_same_model_gives_the_same_bytes() -> None:
    assert with_half_weights(small_classifier()) == with_half_weights(small_classifier())
