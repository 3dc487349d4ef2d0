"""The parameters of the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import (
    STRICT,
    Momentum,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
)


@dataclass(frozen=True, config=STRICT)
class BaseBatchNormMomentum:
    """Momentum of batch norm's moving averages in the base, by the base's initial weights.

    From scratch, with 63 steps per epoch and 0.99, validation accuracy stayed at the share of the
    majority class for 7 epochs. With 0.9 it moved from the second epoch (3,581 real cells, 96 px).
    """

    imagenet: Momentum
    """Momentum for ImageNet weights. Keras builds the base with 0.99."""
    none: Momentum
    """Momentum for a start from scratch. A trained model counts as what its own training began
    with."""


@dataclass(frozen=True, config=STRICT)
class BatchNormParams:
    """Batch normalisation of the pooled features."""

    axis: Annotated[int, Field(ge=-1, le=-1)]
    """The axis of the features: always -1, because pooled features have only this axis."""
    momentum: Momentum
    """Share of the moving averages that each step keeps."""
    epsilon: PositiveFloat
    """Constant that is added to the variance."""


@dataclass(frozen=True, config=STRICT)
class DenseParams:
    """The regularised hidden layer."""

    units: PositiveInt
    """Number of outputs of the layer."""
    activation: Literal["relu", "gelu", "silu"]
    """Activation of the layer."""
    kernel_l2: NonNegativeFloat
    """L2 penalty of the kernel."""
    activity_l1: NonNegativeFloat
    """L1 penalty of the outputs."""
    bias_l1: NonNegativeFloat
    """L1 penalty of the bias."""


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """The network from pixels to p(HEM) and p(ALL); the same for all profiles."""

    base: Annotated[str, Field(pattern=r"^EfficientNetB[0-7]$")]
    """The convolutional base, without its top: `EfficientNetB0` to `EfficientNetB7`."""
    pooling: Literal["max", "avg"]
    """Global pooling of the base's last feature maps."""
    base_batch_norm_momentum: BaseBatchNormMomentum
    batch_norm: BatchNormParams
    dense: DenseParams
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Share of the hidden layer's outputs that a training step drops."""
