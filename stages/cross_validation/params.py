"""The parameters of cross-validation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import STRICT, PositiveInt, Seed


def _counted(folds: list[int]) -> list[int]:
    if folds != list(range(1, len(folds) + 1)):
        raise ValueError(f"expected the numbers from 1, each once: {[*range(1, len(folds) + 1)]}")
    return folds


def _different(seeds: list[int]) -> list[int]:
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"expected each seed once; {twice[0]} stands there twice")
    return seeds


@dataclass(frozen=True, config=STRICT)
class CrossValidationParams:
    """The folds of the cells, and the models: one for each fold and seed.

    A model is trained on all folds but two, validated on one of these and tested on the other.
    """

    strategy: Literal["subject", "official", "stratified"]
    """`subject` keeps the subjects that share images together, in folds of sizes and class shares
    as equal as can be; `official` takes the folds of C-NMC, or of the column `fold` of one's own
    table; `stratified` divides by image, to show what that hides."""
    folds: Annotated[list[PositiveInt], Field(min_length=3), AfterValidator(_counted)]
    """The numbers of the folds: `[1, 2, 3, 4, 5]` for five. DVC makes its stages from this list."""
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(_different)]
    """A model is trained in each fold for each of these seeds, in place of `train.seed`."""
