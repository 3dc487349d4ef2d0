"""Kernels in 16 bits: fewer bytes, nearly the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from stages.export.page.short_kernels import with_short_kernels

from .small_classifier import small_classifier


def weights(model: bytes) -> dict[str, np.ndarray[Any, Any]]:
    return {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load_model_from_string(model).graph.initializer
    }


def with_kernel(values: np.ndarray[Any, Any]) -> bytes:
    model = onnx.load_model_from_string(small_classifier())
    (kernel,) = [one for one in model.graph.initializer if one.name == "kernel"]
    kernel.CopyFrom(numpy_helper.from_array(values, "kernel"))
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def test_large_kernels_take_half_the_bytes_and_all_else_is_as_it_was() -> None:
    before, after = weights(small_classifier()), weights(with_short_kernels(small_classifier()))

    assert after.pop("kernel/short").nbytes * 2 == before.pop("kernel").nbytes
    assert after.pop("kernel/scale").shape == (32, 1, 1, 1)
    assert after.keys() == before.keys()
    for name, values in after.items():
        np.testing.assert_array_equal(values, before[name])


def test_each_weight_is_within_half_a_step_of_its_channel() -> None:
    sizes = 10.0 ** np.arange(-16, 16).reshape(32, 1, 1, 1)
    kernel = np.random.default_rng(0).normal(0, sizes, (32, 3, 9, 9)).astype(np.float32)
    kernel[3] = 0  # a channel that is not used
    kept = weights(with_short_kernels(with_kernel(kernel)))

    error = np.abs(kept["kernel/short"] * kept["kernel/scale"] - kernel)
    step = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 32767
    assert (error <= 0.51 * step).all()


def test_a_small_kernel_stays_as_it_is() -> None:
    kernel = np.ones((32, 3, 3, 3), np.float32)

    assert with_short_kernels(with_kernel(kernel)) == with_kernel(kernel)


def test_the_answers_are_nearly_the_same() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 60, 60, 3), np.uint8)
    whole, short = (
        onnxruntime.InferenceSession(model).run(["p_all"], {"image": images})[0]
        for model in (small_classifier(), with_short_kernels(small_classifier()))
    )

    assert short == pytest.approx(whole, abs=1e-4)
    assert (short != whole).any()


def test_the_same_model_gives_the_same_bytes() -> None:
    assert with_short_kernels(small_classifier()) == with_short_kernels(small_classifier())
