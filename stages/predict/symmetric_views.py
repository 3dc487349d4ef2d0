"""Test-time augmentation: the mean answer for the 8 symmetries of an image."""

from __future__ import annotations

import dataclasses

import numpy as np

from stages.dataset.image_decoding import Pixels
from stages.predict.classifier import Answers, Classifier, Probabilities

_SMALLEST = float(np.finfo(np.float32).eps) / 2  # a float32 above is 1 less at least as much


def answer_symmetric_views(
    model: Classifier, images: Pixels, *, microns_per_pixel: float | None
) -> Answers:
    """Return the mean logit's probabilities, and the notes of the images as they are.

    The symmetries are those of evaluate with `tta: d4`: quarter turns, plain and mirrored.

    Args:
        model: that answers.
        images: uint8 (n, height, width, 3).
        microns_per_pixel: of the images, for models that ask for it.
    """
    views = [
        model.answer(view, microns_per_pixel=microns_per_pixel) for view in symmetric_views(images)
    ]
    logits = np.mean([_logit(view.p_all) for view in views], axis=0)
    return dataclasses.replace(
        views[0],
        p_all=_logistic(logits),
        p_all_calibrated=_logistic(logits / model.metadata.temperature),
    )


def symmetric_views(images: Pixels) -> list[Pixels]:
    """Return images (n, height, width, 3) in the 8 symmetries of the square, as they are first."""
    turned = [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]
    return [
        np.ascontiguousarray(view) for view in (*turned, *(view[:, :, ::-1] for view in turned))
    ]


def _logit(p_all: Probabilities) -> Probabilities:
    inside = np.clip(p_all, _SMALLEST, 1 - _SMALLEST)
    return np.log(inside) - np.log1p(-inside)


def _logistic(logits: Probabilities) -> Probabilities:
    return 1 / (1 + np.exp(-logits))
