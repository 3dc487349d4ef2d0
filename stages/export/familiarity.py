"""Fit what the training cells look like, so that unlike images can be noted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from stages.common.errors import StageError

UNEVEN = 12
"""As in stages/preprocess/appearance.py, like the two functions of the background."""

COMPONENTS = 8
"""Directions of the covariance that are kept; the others share one variance."""

SPECK_SHARE = 0.01
"""A piece of foreground smaller than this share of the image is a speck, not a cell."""

LONGEST_EDGE = 64
"""Cells are counted on at most this many pixels a side."""

_LIMITS = (0.001, 0.999)
_DISTANCE_QUANTILE = 0.995  # of the validation cells
_UNIFORM_SHARE = 0.99  # of the training cells, where the set has a uniform background

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Familiarity:
    """What the training cells look like. Distances: see `distances`."""

    centres: Array  # float32 (classes, features)
    directions: Array  # float32 (features, components)
    precisions: Array  # float32 (components,), above the residual's precision: negative or 0
    residual_precision: float
    distance_limit: float
    uniform_background: bool
    background_low: tuple[int, ...]
    background_high: tuple[int, ...]
    area: tuple[float, float]
    brightness: tuple[float, float]
    border_limit: float
    cells_limit: int


def fit_familiarity(
    training_features: Array,
    validation_features: Array,
    training_labels: Array,
    appearances: pd.DataFrame,
    *,
    training_images: Iterable[Array],
) -> Familiarity:
    """Fit the training cells' features and looks.

    Args:
        training_features: float32 (cells, features), of the network's last hidden layers.
        validation_features: likewise; they set the limit of the distance.
        training_labels: (cells,), whole numbers.
        appearances: columns area, brightness, uniform_background, a row a training cell.
        training_images: uint8 (cells, size, size, 3), as the network sees them.
    """
    uniform = bool(appearances["uniform_background"].mean() >= _UNIFORM_SHARE)
    plain = appearances[appearances["uniform_background"] == 1] if uniform else appearances
    looks = [look(image) for image in training_images] if uniform else []
    looks = [one for one in looks if one[0]]
    colours = np.array([one[1] for one in looks] or [[0, 0, 0]])
    model = _covariance(training_features, training_labels)
    limit = np.quantile(_distances(validation_features, *model), _DISTANCE_QUANTILE)
    return Familiarity(
        *model,
        distance_limit=_rounded(limit),
        uniform_background=uniform,
        background_low=tuple((colours.min(axis=0) - UNEVEN).tolist()),
        background_high=tuple((colours.max(axis=0) + UNEVEN).tolist()),
        area=_range(plain["area"]),
        brightness=_range(plain["brightness"]),
        border_limit=_rounded(np.quantile([one[2] for one in looks] or [1.0], _LIMITS[1])),
        cells_limit=max([1, *(int(c) for c in _cells_limit(looks))]),
    )


def distances(features: Array, familiarity: Familiarity) -> Array:
    """Return the Mahalanobis distance of each cell to the nearest class's centre.

    Lee et al. 2018 (arXiv 1807.03888): one covariance shared by the classes. Here it is that of
    probabilistic PCA (Tipping and Bishop 1999): few directions, one variance for all the others.
    """
    known = familiarity
    return _distances(
        features, known.centres, known.directions, known.precisions, known.residual_precision
    )


def look(image: Array) -> tuple[bool, list[int], float, int]:
    """Return whether the background is uniform, its colour, the border's share, and the cells.

    The border's share is the largest share of one side of the image that is foreground.
    """
    colour, deviation = _background(image)
    foreground = _outside(image, colour, deviation)
    sides = (foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1])
    border = max(float(side.mean()) for side in sides)
    return deviation <= UNEVEN, colour.tolist(), border, _cells(foreground)


def reduction(size: int) -> int:
    """Return by how much an edge of this size is divided before cells are counted."""
    return -(-size // LONGEST_EDGE)


def _background(image: Array) -> tuple[Array, int]:
    edge = max(1, len(image) // 16)
    ends = [*range(edge), *range(len(image) - edge, len(image))]
    corners = image[ends][:, ends].reshape(-1, 3).astype(int)
    colour = np.sort(corners, axis=0)[len(corners) // 2]
    return colour, int(np.abs(corners - colour).max())


def _outside(image: Array, colour: Array, deviation: int) -> Array:
    outside: Array = (np.abs(image.astype(int) - colour) > deviation).any(axis=2)
    return outside


def _cells(foreground: Array) -> int:
    factor = reduction(len(foreground))
    small = np.pad(foreground, (0, -len(foreground) % factor))
    edge = len(small) // factor
    small = small.reshape(edge, factor, edge, factor).max(axis=(1, 3))
    labels, _ = ndimage.label(small, np.ones((3, 3)))
    return int((np.bincount(labels.ravel())[1:] >= SPECK_SHARE * edge * edge).sum())


def _cells_limit(looks: list[tuple[bool, list[int], float, int]]) -> list[float]:
    return [float(np.quantile([one[3] for one in looks], _LIMITS[1]))] if looks else []


def _covariance(features: Array, labels: Array) -> tuple[Array, Array, Array, float]:
    if not np.isfinite(features).all() or len(features) <= COMPONENTS:
        raise StageError(
            f"features of {len(features)} training cells; expected more than {COMPONENTS} cells, "
            "all of them finite; train the model again with `dvc repro train`"
        )
    wide = features.astype(float)
    classes, own = np.unique(labels, return_inverse=True)
    centres = np.stack([wide[labels == one].mean(axis=0) for one in classes])
    centred = wide - centres[own]
    variances, directions = np.linalg.eigh(centred.T @ centred / len(wide))
    kept = min(COMPONENTS, wide.shape[1] - 1)
    largest, directions = variances[::-1][:kept], directions[:, ::-1][:, :kept]
    strongest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[strongest, range(kept)])
    residual = 1 / max(float(variances[:-kept].mean()), 1e-6)
    precisions = 1 / np.maximum(largest, 1e-6) - residual
    single = [_digits(each).astype(np.float32) for each in (centres, directions, precisions)]
    return single[0], single[1], single[2], _rounded(residual)


def _distances(
    features: Array, centres: Array, directions: Array, precisions: Array, residual: float
) -> Array:
    away = features.astype(float)[:, None] - centres.astype(float)
    along = away @ directions.astype(float)
    squares = residual * (away**2).sum(axis=2) + (along**2 @ precisions.astype(float))
    found: Array = np.sqrt(np.maximum(squares.min(axis=1), 0))
    return found


def _range(values: pd.Series[float]) -> tuple[float, float]:
    low, high = np.quantile(values, _LIMITS)
    return _rounded(low), _rounded(high)


def _digits(values: Array, digits: int = 4) -> Array:
    """Round to significant digits, so that the last bits of a processor do not show."""
    safe = np.where(values == 0, 1.0, np.abs(values))
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(safe)))
    rounded: Array = np.round(values * scale) / scale
    return rounded


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")
