"""Compute every figure in metrics/test.json from the predictions.

The temperature and the operating threshold are tuned on validation alone. The size-only classifier
is fitted on training. If a figure is None or a section is empty, `undefined` beside it says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stages.dataset.cell_table import external_parts
from stages.statistics import result_sections
from stages.statistics.baselines import always_all
from stages.statistics.by_subject import count_subjects
from stages.statistics.frozen import Frozen, freeze
from stages.statistics.intervals import cell_resamples, intervals_to_tell
from stages.statistics.resampling_units import Drawn, draw_by_kind
from stages.statistics.subgroups import measure_subgroups
from stages.statistics.tuning import describe_tuning, describe_validation, tune

BIASED = ("ece",)
"""Metrics with an upward bias on few cells. A resample adds the bias again."""


def measure_all(
    predictions: pd.DataFrame,
    *,
    training: pd.DataFrame,
    threshold: float,
    target_sensitivity: float,
    replicates: int,
    seed: int,
    subgroups: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the test rows and the external sets of predictions.csv; tune on its val rows.

    Args:
        predictions: columns split, image, subject, fold, label, p_all, logit, area, brightness,
            and the `subgroups`.
        training: columns label and area of the training cells, for the size-only classifier.
        threshold: p(ALL) from which a cell is called ALL.
        target_sensitivity: of the operating point, on validation.
        replicates: number of bootstrap resamples.
        seed: of the resamples. The same cells give the same resamples.
        subgroups: further columns to measure by.

    Returns:
        threshold, target_sensitivity, operating_threshold, temperature, validation; for test and
        each external set that has rows the result of `measure_part`. All numbers are finite.
    """
    names = ["test", *external_parts(predictions)]
    parts = {name: predictions[predictions["split"] == name] for name in names}
    validation = predictions[predictions["split"] == "val"]
    tuning = tune(validation, threshold=threshold, target_sensitivity=target_sensitivity)
    return {
        "threshold": threshold,
        "target_sensitivity": target_sensitivity,
        **describe_tuning(tuning),
        "validation": describe_validation(validation, tuning),
        **{
            name: measure_part(
                freeze(rows, tuning, training=training),
                threshold=threshold,
                replicates=replicates,
                seed=seed,
                subgroups=subgroups,
            )
            for name, rows in parts.items()
            if len(rows)
        },
    }


def measure_part(
    frozen: Frozen,
    *,
    threshold: float,
    replicates: int,
    seed: int,
    subgroups: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the cells of one split; the arguments are as in `measure_all`.

    Returns:
        The result of `measure`, and subjects; then operating_point, calibrated, by_subject,
        baselines, subgroups, and tta if there is p_all_tta. The figures at the fixed threshold and
        each section (of the baselines only size_only) have `intervals` (95 %, over subjects) and,
        for comparison only, `cell_intervals`, by the names of the figures. by_subject (mean
        accuracies) and subgroups have `intervals` only. Where subjects are not known, `subjects` is
        None, by_subject says so, and only the `cell_intervals` (also of the subgroups) have
        figures, with TOO_NARROW in their `too_narrow`.
    """
    predictions = frozen.predictions
    measured = {
        "plain": result_sections.plain(predictions, threshold),
        "operating_point": result_sections.operating_point(frozen),
        "calibrated": result_sections.calibrated(frozen, threshold),
        "by_subject": result_sections.by_subject(predictions, threshold),
        "size_only": result_sections.size_only(frozen),
    }
    if "p_all_tta" in predictions:
        augmented = predictions.assign(p_all=predictions["p_all_tta"])
        measured["tta"] = result_sections.plain(augmented, threshold)
    filled = _with_intervals(measured, predictions, replicates=replicates, seed=seed)
    filled["by_subject"].pop("cell_intervals", None)
    return {
        "cells": len(predictions),
        "subjects": count_subjects(predictions),
        **{name: value for name, value in filled["plain"].items() if name != "cells"},
        **{name: filled[name] for name in ("operating_point", "calibrated", "by_subject")},
        "baselines": {"always_all": always_all(predictions), "size_only": filled["size_only"]},
        "subgroups": measure_subgroups(
            predictions,
            subgroups,
            threshold=threshold,
            replicates=replicates,
            seed=seed,
        ),
        **({"tta": filled["tta"]} if "tta" in filled else {}),
    }


def _with_intervals(
    measured: dict[str, result_sections.Section],
    predictions: pd.DataFrame,
    *,
    replicates: int,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Add `intervals` and `cell_intervals`, or the reason for none, to the figures."""
    filled = {name: dict(figures) for name, (figures, _) in measured.items()}
    for kind, (resamples, beside) in _drawn(predictions, replicates=replicates, seed=seed).items():
        for name, (_, statistic) in measured.items():
            if resamples is None:
                filled[name][kind] = dict(beside)
            elif statistic is not None:
                found = intervals_to_tell(resamples, statistic, biased=BIASED)
                filled[name][kind] = found | beside
    return filled


def _drawn(predictions: pd.DataFrame, *, replicates: int, seed: int) -> dict[str, Drawn]:
    """Draw for `intervals` and for `cell_intervals`, of known subjects for comparison only."""
    kinds = draw_by_kind(predictions, replicates=replicates, seed=seed)
    if "cell_intervals" in kinds:
        return kinds
    by_subject, beside = kinds["intervals"]
    by_cell = by_subject and cell_resamples(predictions, replicates=replicates, seed=seed)
    return kinds | {"cell_intervals": (by_cell, beside)}
