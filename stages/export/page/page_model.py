"""Choose the model of the page: kernels of half the bytes, where its answers stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from stages.export.page.short_kernels import with_short_kernels

MOST_DIFFERENCE = 1e-3
"""Of p(ALL) between the page and models/model.onnx."""


class AnsweredCell(NamedTuple):
    """A cell, and what models/model.onnx has answered.

    Attributes:
        inputs: of the model for it, as a batch of one.
        p_all: p(ALL) as the network gives it.
    """

    inputs: Mapping[str, np.ndarray[Any, Any]]
    p_all: float


def page_model(
    model: bytes, cells: Iterable[AnsweredCell], *, thresholds: Sequence[float]
) -> bytes:
    """Return the model with short kernels, or as it is if a cell would be answered otherwise.

    Args:
        model: the bytes of models/model.onnx.
        cells: to be answered the same: p(ALL) within MOST_DIFFERENCE, and each call.
        thresholds: of the calls, on p(ALL).
    """
    short = with_short_kernels(model)
    session = onnxruntime.InferenceSession(short, providers=["CPUExecutionProvider"])
    for cell in cells:
        (p_all,) = session.run(["p_all"], dict(cell.inputs))[0]
        if not _is_same(float(p_all), cell.p_all, thresholds):
            return model
    return short


def _is_same(p_all: float, expected: float, thresholds: Sequence[float]) -> bool:
    calls = ((p_all >= one) == (expected >= one) for one in thresholds)
    return abs(p_all - expected) <= MOST_DIFFERENCE and all(calls)
