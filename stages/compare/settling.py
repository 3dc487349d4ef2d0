"""Estimate how many more seeds or subjects would settle an unresolved difference."""

from __future__ import annotations

from collections.abc import Callable

from stages.statistics.crossed_variance import CrossedVariance

MOST_SEEDS, MOST_SUBJECTS = 100, 10_000
"""Where more than these would be needed, no number is named."""


def more_to_settle(
    variance: CrossedVariance, difference: float, *, subjects: int | None
) -> dict[str, int | None]:
    """Return how many more would find this difference, if it is true, in 4 of 5 comparisons.

    Args:
        variance: of the difference; several seeds on both sides.
        difference: of the means over seeds.
        subjects: their number; None if it is not known.

    Returns:
        `seeds`: further seeds of each side, with the same subjects; `subjects`: further subjects,
        with the same seeds. None if no number alone does.
    """

    def seeds_find(more: int) -> bool:
        return variance.with_seeds(variance.seeds + more).finds(difference)

    def subjects_find(more: int) -> bool:
        return variance.with_subjects(1 + more / (subjects or 1)).finds(difference)

    return {
        "seeds": _least(seeds_find, most=MOST_SEEDS),
        "subjects": _least(subjects_find, most=MOST_SUBJECTS) if subjects else None,
    }


def _least(finds: Callable[[int], bool], *, most: int) -> int | None:
    """Return the least number that finds it, by halving; None if `most` does not."""
    if not finds(most):
        return None
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle + 1, high)
    return low
