"""The parameters of the stage evaluate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, Fraction


@dataclass(frozen=True, config=STRICT)
class EvaluateParams:
    """How the model is measured."""

    threshold: Fraction
    """p(ALL) from which a cell is called ALL."""
    target_sensitivity: Fraction
    """Sensitivity of the operating point on the validation cells. Its threshold is the largest one
    that reaches it."""
    bootstrap_replicates: Annotated[int, Field(ge=2000)]
    """Resamples of the subjects behind each interval."""
    tta: Literal["none", "d4"]
    """`d4` also predicts the 8 symmetries of each cell, and reports the mean of their logits beside
    the plain result. It takes 8 times the time. Prellberg (8 rotations) and DeepMEN used such
    means."""
    subgroups: list[str]
    """Further columns of `data/splits/cells.csv`, carried along from the set's own table, to
    measure by: the scanner, the stain, an age band. A group for each of their values."""
