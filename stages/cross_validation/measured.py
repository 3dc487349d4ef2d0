"""Measure a cross-validation: every seed, their mean, the ensemble beside its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.statistics import result_sections
from stages.statistics.by_subject import count_subjects
from stages.statistics.frozen import Frozen, freeze
from stages.statistics.intervals import RESAMPLES_SEED, intervals_to_tell
from stages.statistics.metrics import DECIMALS, Floats, measure
from stages.statistics.resampling_units import draw_units
from stages.statistics.results import BIASED, measure_part
from stages.statistics.tuning import Tuning

Measures = Mapping[str, Any]

ACROSS_MEMBERS = ("accuracy", "sensitivity", "specificity", "roc_auc", "log_loss")


def measure_seeds(
    pooled: Mapping[int, Frozen], *, threshold: float, replicates: int, subgroups: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Measure the cells of each seed as evaluate measures its test cells; `seed_1` is that of 1."""
    return {
        f"seed_{seed}": measure_part(
            frozen,
            threshold=threshold,
            replicates=replicates,
            seed=RESAMPLES_SEED,
            subgroups=subgroups,
        )
        for seed, frozen in pooled.items()
    }


def mean_over_seeds(
    pooled: Mapping[int, Frozen],
    measured: Mapping[str, Measures],
    *,
    threshold: float,
    replicates: int,
) -> dict[str, Any]:
    """Average the metrics over the seeds.

    Returns:
        cells, subjects, each metric's mean, `standard_deviation` (over the seeds, of one more than
        one), and `intervals` (95 %, of the mean of these trainings, over subjects; where these are
        not known over cells, and `too_narrow`).
    """
    rows = [frozen.predictions for frozen in pooled.values()]
    first = next(iter(measured.values()))
    names = [
        name
        for name in result_sections.plain(rows[0], threshold)[0]
        if name not in ("cells", "confusion", "undefined")
    ]
    values = {name: [found[name] for found in measured.values()] for name in names}
    known = {name: each for name, each in values.items() if None not in each}
    mean = {name: round(float(np.mean(each)), DECIMALS) for name, each in known.items()}
    several = known if len(rows) > 1 else {}
    deviation = {
        name: round(float(np.std(each, ddof=1)), DECIMALS) for name, each in several.items()
    }
    return {
        "cells": first["cells"],
        "subjects": first["subjects"],
        **mean,
        **({"standard_deviation": deviation} if deviation else {}),
        "intervals": _intervals_of_mean(rows, threshold=threshold, replicates=replicates),
    }


def _intervals_of_mean(
    rows: Sequence[pd.DataFrame], *, threshold: float, replicates: int
) -> dict[str, Any]:
    statistics = [result_sections.plain(each, threshold)[1] for each in rows]

    def mean(weights: Floats) -> dict[str, Floats]:
        found = [statistic(weights) for statistic in statistics if statistic is not None]
        return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}

    resamples, beside = draw_units(rows[0], replicates=replicates, seed=RESAMPLES_SEED)
    if resamples is None:
        return dict(beside)
    return intervals_to_tell(resamples, mean, biased=BIASED) | beside


def measure_ensemble(
    mean: pd.DataFrame,
    predicted: Mapping[str, pd.DataFrame],
    tuning: Tuning,
    *,
    training: pd.DataFrame,
    replicates: int,
    subgroups: Sequence[str],
) -> dict[str, Any]:
    """Measure the mean of the members on an external set, beside the members one by one.

    Returns:
        `ensemble`: as evaluate measures an external set; `members`: for each of ACROSS_MEMBERS the
        mean, the standard deviation, the lowest and the highest of the members; `each_member`: a
        list of them one by one.
    """
    frozen = freeze(mean, tuning, training=training)
    ensemble = measure_part(
        frozen,
        threshold=tuning.threshold,
        replicates=replicates,
        seed=RESAMPLES_SEED,
        subgroups=subgroups,
    )
    alone = {name: measure(rows, threshold=tuning.threshold) for name, rows in predicted.items()}
    return {
        "ensemble": ensemble,
        "members": {
            name: _spread([found[name] for found in alone.values()])
            for name in ACROSS_MEMBERS
            if all(found[name] is not None for found in alone.values())
        },
        "each_member": [
            {"member": member, **{name: found[name] for name in ACROSS_MEMBERS}}
            for member, found in alone.items()
        ],
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    spread = {
        "mean": np.mean(values),
        "standard_deviation": np.std(values, ddof=1),
        "lowest": np.min(values),
        "highest": np.max(values),
    }
    return {name: round(float(value), DECIMALS) for name, value in spread.items()}


def describe_members(
    rows: Sequence[tuple[str, pd.DataFrame, Tuning, Measures]],
) -> list[dict[str, Any]]:
    """Return a record for each member: its tuning, its best epoch, and its figures in its fold.

    A list: git keeps it, and DVC leaves it out of its tables of metrics.

    Args:
        rows: the name of each, its test rows, its tuning, and the report of its training.
    """
    return [
        {
            "member": name,
            "cells": len(tested),
            "subjects": count_subjects(tested),
            "best_epoch": trained["best_epoch"],
            "epochs": trained["epochs"],
            "val_accuracy": trained["val_accuracy"],
            "operating_threshold": tuning.operating_threshold,
            "temperature": tuning.temperature,
            **{
                name: value
                for name, value in measure(tested, threshold=tuning.threshold).items()
                if name in ACROSS_MEMBERS
            },
        }
        for name, tested, tuning, trained in rows
    ]
