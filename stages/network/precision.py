"""The precision of the base, and whether XLA compiles the steps. Pure Keras."""

from __future__ import annotations

import re
from typing import Literal

import keras

from stages.common.errors import StageError
from stages.network.model import base_layers

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]

_MIXED_PRECISION_LAYERS = re.compile(r"(stem|block\d[a-z]|top)_.*|(max|avg)_pool")


def choose_precision(
    precision: Literal["float32", "auto"], *, capability: tuple[int, int] | None
) -> Precision:
    """Return the name of Keras' dtype policy for the base.

    Args:
        precision: the parameter `train.precision`.
        capability: the compute capability of the GPU, the lowest of several; None without one.
            From 8.0 (Ampere) there is bfloat16, which needs no loss scaling; from 7.0 (Volta)
            float16 is fast, see https://www.tensorflow.org/guide/mixed_precision.
    """
    if precision == "float32" or capability is None or capability < (7, 0):
        return "float32"
    return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16"


def set_precision(network: keras.Model, precision: Precision) -> None:
    """Make the base compute in this precision; its weights are always float32.

    The scaling of the pixels and the head, with its regularised layer and the softmax, stay
    float32. Call it before `compile`. Call it with float32 before you write the network: then the
    file has the same bytes as the same weights without mixed precision.
    """
    # All layers were built with one shared policy object, the network's. Use it again, because the
    # file records which objects are shared.
    policy = network.dtype_policy if precision == "float32" else keras.DTypePolicy(precision)
    for layer in base_layers(network):
        if _MIXED_PRECISION_LAYERS.fullmatch(layer.name):
            layer.dtype_policy = policy


def choose_xla(xla: bool | Literal["auto"], *, deterministic: bool, on_gpu: bool) -> bool:
    """Return Keras' `jit_compile`; auto is XLA on a GPU unless operations are deterministic.

    Keras' own "auto" checks whether the machine has a GPU, not whether training uses it.
    """
    return on_gpu and not deterministic if xla == "auto" else xla


def require_xla_possible(xla: bool | Literal["auto"], *, deterministic: bool) -> None:
    """Reject XLA together with deterministic operations: Keras would not use XLA.

    Raises:
        StageError: if both are set.
    """
    if xla is True and deterministic:
        raise StageError(
            "train.xla is true and train.deterministic is true: Keras has no XLA with "
            "deterministic operations; set `train.xla` to auto or `train.deterministic` to false"
        )
