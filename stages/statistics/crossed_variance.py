"""Tell the chance of test subjects from that of trainings, in the difference of two models.

Each model was trained with several seeds, and every seed predicts all cells: subjects and seeds are
crossed. The seeds of the two models are independent of each other. The variance of the difference
of their means has three parts:

- between subjects: what other subjects would change;
- between seeds: what another seed changes, on average over the subjects;
- left over: what another seed changes in one subject alone.

They are the components of a two-way random-effects analysis of variance. Sums of squares over
subjects come from the jackknife, which leaves out a subject with all its cells, so that metrics
such as the ROC AUC have them, too. The interval is Student's t with Satterthwaite's degrees of
freedom: two seeds say little about a third.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from stages.statistics.intervals import LEVEL, Integers, effective_number
from stages.statistics.metrics import Floats

POWER = 0.8
"""The share of comparisons that should find a difference."""


@dataclass(frozen=True)
class CrossedVariance:
    """The variance of a difference of two means over seeds, in parts.

    Attributes:
        of_subjects: (strata,); between subjects, with the left over.
        units: (strata,); effective number of subjects (Kish).
        of_seeds: (2,); between the seeds of each model, with its left over. 0 if a model has one
            seed: then its training is taken as given.
        left_over: (2,); of each model; 0 likewise.
        seeds: (2,); the number of each model.
    """

    of_subjects: Floats
    units: Floats
    of_seeds: Floats
    left_over: Floats
    seeds: Integers

    @property
    def total(self) -> float:
        """The variance of the difference; no part lowers it."""
        return float(self.of_subjects.sum() + self._between_seeds.sum())

    @property
    def parts(self) -> dict[str, float]:
        """The variance between subjects, between seeds, and left over."""
        left_over = float(self.left_over.sum())
        return {
            "subjects": max(0.0, float(self.of_subjects.sum()) - left_over),
            "seeds": float(self._between_seeds.sum()),
            "left_over": left_over,
        }

    @property
    def freedom(self) -> float:
        """Satterthwaite's degrees of freedom of the total, at least those of its least known part.

        The total has less than was counted where the left over is taken out of the seeds' part:
        the formula then falls below 1, where Student's t has no bounds to speak of.
        """
        counted = np.where(self._between_seeds > 0, self.of_seeds, 0)
        parts = np.concatenate([self.of_subjects, counted])
        known = np.concatenate([self.units - 1, np.maximum(self.seeds - 1, 1)])
        if not (parts > 0).any():
            return np.inf
        return float(max(self.total**2 / (parts**2 / known).sum(), known[parts > 0].min()))

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return float(t.isf((1 - LEVEL) / 2, self.freedom) * np.sqrt(self.total))

    def p_value(self, difference: float) -> float:
        """Return the two-sided p-value of a difference; the total must be above 0."""
        return float(2 * t.sf(abs(difference) / np.sqrt(self.total), self.freedom))

    def finds(self, difference: float) -> bool:
        """Return whether POWER of such comparisons would find a true difference of this size."""
        reach = t.isf((1 - LEVEL) / 2, self.freedom) + t.isf(1 - POWER, self.freedom)
        return bool(abs(difference) > reach * np.sqrt(self.total))

    def with_seeds(self, seeds: Integers) -> CrossedVariance:
        """Return what the variance would be with these numbers of seeds."""
        left_over = self.left_over * self.seeds / seeds
        of_seeds = self._between_seeds * self.seeds / seeds + left_over
        of_subjects = float(self.of_subjects.sum())
        fewer = of_subjects - float(self.left_over.sum()) + float(left_over.sum())
        scale = max(0.0, fewer / of_subjects) if of_subjects else 1.0
        return replace(
            self,
            of_subjects=self.of_subjects * scale,
            of_seeds=of_seeds,
            left_over=left_over,
            seeds=seeds,
        )

    def with_subjects(self, times: float) -> CrossedVariance:
        """Return what the variance would be with so many times the subjects."""
        left_over = self.left_over / times
        return replace(
            self,
            of_subjects=self.of_subjects / times,
            units=self.units * times,
            of_seeds=self._between_seeds + left_over,
            left_over=left_over,
        )

    @property
    def _between_seeds(self) -> Floats:
        return np.maximum(self.of_seeds - self.left_over, 0)


def crossed_variance(
    sides: tuple[Floats, Floats], *, strata: Integers, sizes: Integers
) -> CrossedVariance:
    """Estimate the variance of the difference of two means over seeds.

    Args:
        sides: (seeds, 1 + subjects) of each model; a metric of all subjects, then without each.
        strata: (subjects,); such as the class of each.
        sizes: (subjects,); the number of cells of each.
    """
    seeds = np.array([len(side) for side in sides])
    masks = [strata == one for one in np.unique(strata)]
    means = [side[:, 1:].mean(axis=0) for side in sides]
    of_seeds, left_over = np.zeros(2), np.zeros(2)
    if (seeds > 1).all():
        of_seeds = np.array([side[:, 0].var(ddof=1) for side in sides]) / seeds
        apart = [side[:, 1:] - mean for side, mean in zip(sides, means, strict=True)]
        left_over = np.array([sum(_jackknife(each[:, mask]) for mask in masks) for each in apart])
        left_over /= seeds * (seeds - 1)
    return CrossedVariance(
        np.array([_jackknife((means[1] - means[0])[mask]) for mask in masks]),
        np.array([effective_number(sizes[mask]) for mask in masks]),
        of_seeds,
        left_over,
        seeds,
    )


def _jackknife(without_one: Floats) -> float:
    """Return the variance of a statistic from its values (…, subjects) without each, summed."""
    count = without_one.shape[-1]
    apart = without_one - without_one.mean(axis=-1, keepdims=True)
    return float((count - 1) / count * (apart**2).sum())
