"""The parameters of the stage split."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, Fraction


@dataclass(frozen=True, config=STRICT)
class SplitParams:
    """How the cells are divided. What validation and test leave is for training."""

    strategy: Literal["stratified", "subject"]
    """`stratified` splits by image, `subject` puts no subject into two parts."""
    validation_share: Fraction
    """Share of the cells for validation."""
    test_share: Fraction
    """Share of the cells for test."""
