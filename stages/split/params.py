"""The parameters of the stage split."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, Fraction, Seed


@dataclass(frozen=True, config=STRICT)
class SplitParams:
    """How the cells are divided. Cells outside validation and test are for training."""

    strategy: Literal["stratified", "subject"]
    """`stratified` splits by image; `subject` puts all cells of a subject into the same part."""
    validation_share: Fraction
    """Share of the cells for validation."""
    test_share: Fraction
    """Share of the cells for test."""
    seed: Seed
    """Decides which cells, or by subject which subjects, go into which part."""
