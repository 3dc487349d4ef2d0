"""The parameters of the stage split."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, Fraction, Seed


@dataclass(frozen=True, config=STRICT)
class SplitParams:
    """How the cells are divided. Cells outside validation and test are for training."""

    strategy: Literal["stratified", "subject", "given"]
    """`stratified` splits by image; `subject` puts all cells of a subject into the same part;
    `given` takes the parts from `given_split.csv` or, where it has no rows, from the archive."""
    validation_share: Fraction
    """Share of the cells for validation, unless the split is given."""
    test_share: Fraction
    """Share of the cells for test, unless the split is given."""
    seed: Seed
    """Decides which cells, or by subject which subjects, go into which part."""
