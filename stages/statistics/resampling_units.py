"""Draw what the intervals are over: subjects, or cells where the subjects are not known."""

from __future__ import annotations

import pandas as pd

from stages.statistics.intervals import (
    TOO_NARROW,
    Resamples,
    cell_resamples,
    lacking_cells,
    lacking_subjects,
    subject_resamples,
    unknown_subjects,
)

Drawn = tuple[Resamples | None, dict[str, list[str]]]
"""The resamples, or None where they would say too little; and what goes with their intervals: the
reason for none in `undefined`, or TOO_NARROW in `too_narrow`."""


def lacking_units(predictions: pd.DataFrame) -> str | None:
    """Return the reason if a class has too few subjects (or cells) for an interval, else None."""
    lacking = lacking_cells if unknown_subjects(predictions) else lacking_subjects
    return lacking(predictions)


def draw_units(predictions: pd.DataFrame, *, replicates: int, seed: int) -> Drawn:
    """Draw subjects, or cells where the subjects are not known."""
    if reason := lacking_units(predictions):
        return None, {"undefined": [reason]}
    if unknown_subjects(predictions):
        resamples = cell_resamples(predictions, replicates=replicates, seed=seed)
        return resamples, {"too_narrow": [TOO_NARROW]}
    return subject_resamples(predictions, replicates=replicates, seed=seed), {}


def draw_by_kind(predictions: pd.DataFrame, *, replicates: int, seed: int) -> dict[str, Drawn]:
    """Draw for `intervals`, or where the subjects are not known for `cell_intervals`."""
    drawn = draw_units(predictions, replicates=replicates, seed=seed)
    if unknown_subjects(predictions) is None:
        return {"intervals": drawn}
    reason = lacking_subjects(predictions)
    return {"intervals": (None, {"undefined": [str(reason)]}), "cell_intervals": drawn}
