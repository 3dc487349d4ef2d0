"""Measure the calibration of p(ALL), and fit the temperature that improves it.

Temperature scaling (Guo et al. 2017, arXiv 1706.04599) divides all logits by one number T, fitted
on validation. It changes no rank, so ROC AUC stays the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

BINS = 15
"""Bins of equal width over p(ALL) from 0 to 1. Each includes its lower end, the last also 1."""

_STEEPEST = 1e6  # the largest 1/T that the fit considers

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def bin_of(p_all: Floats) -> Integers:
    """Return the bin, from 0 to BINS − 1, of each p(ALL)."""
    return np.minimum((p_all * BINS).astype(np.int64), BINS - 1)


def expected_calibration_error(actual: Booleans, p_all: Floats) -> float:
    """Return Σ n_b / N · |mean p − share of ALL| over the bins that hold cells."""
    # n_b times a mean is a sum.
    gaps = np.bincount(bin_of(p_all), weights=p_all - actual, minlength=BINS)
    return float(np.abs(gaps).sum() / len(p_all))


def reliability_points(actual: Booleans, p_all: Floats) -> pd.DataFrame:
    """Return one row for each bin that holds cells, in order.

    Returns:
        Columns low and high (the bin's ends), cells, mean_p_all, all_share (share of ALL cells).
    """
    bins = bin_of(p_all)
    cells = np.bincount(bins, minlength=BINS)
    held = np.flatnonzero(cells)
    sums = np.bincount(bins, weights=p_all, minlength=BINS)
    positives = np.bincount(bins, weights=actual, minlength=BINS)
    return pd.DataFrame(
        {
            "low": (held / BINS).round(6),
            "high": ((held + 1) / BINS).round(6),
            "cells": cells[held],
            "mean_p_all": (sums[held] / cells[held]).round(6),
            "all_share": (positives[held] / cells[held]).round(6),
        }
    )


def fit_temperature(actual: Booleans, logits: Floats) -> tuple[float | None, str | None]:
    """Return the T > 0 that minimises the negative log-likelihood of logits / T.

    Args:
        actual: whether each cell is ALL.
        logits: log p(ALL) − log p(HEM) of each cell.

    Returns:
        T and None; or None and why there is no such T.
    """
    if actual.all() or not actual.any():
        return None, "validation does not hold cells of both classes"
    signed = np.where(actual, logits, -logits)
    if signed.sum() <= 0:
        return None, "the logits of validation are no better than chance: the best T is infinite"
    if (signed >= 0).all():
        return None, "the logits of validation separate the classes: the best T is 0"

    # The negative log-likelihood is convex in 1/T. Its minimum is the root of its slope: root
    # finding gives more digits than minimisation.
    def slope(steepness: float) -> float:
        return float(-(signed * expit(-steepness * signed)).sum())

    if slope(_STEEPEST) < 0:
        return None, "the logits of validation all but separate the classes: the best T is near 0"
    return float(1 / brentq(slope, 0, _STEEPEST, xtol=1e-14, rtol=1e-14, maxiter=500)), None


def tempered(logits: Floats, temperature: float) -> Floats:
    """Return p(ALL) after temperature scaling of the logits."""
    probabilities: Floats = expit(logits / temperature)
    return probabilities
