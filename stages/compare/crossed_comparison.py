"""Compare two cross-validations on every training cell, over subjects and over seeds.

Every seed of a side predicts all cells, out of fold: subjects and seeds are crossed. The seeds of
the two sides are independent of each other, also where they have the same numbers. The method is in
statistics/crossed_variance.py, its figures are in docs/comparing.md.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stages.common.errors import StageError
from stages.compare.compared_metrics import weighted_metrics
from stages.compare.cross_validations import OUT_OF_FOLD, CrossValidation
from stages.compare.differences import (
    BY_SUBJECTS,
    BY_SUBJECTS_AND_SEEDS,
    SEED,
    described,
    metric_row,
)
from stages.compare.pairs import pair
from stages.compare.settling import more_to_settle
from stages.statistics.by_subject import count_subjects
from stages.statistics.crossed_variance import crossed_variance
from stages.statistics.intervals import (
    TOO_NARROW,
    Resamples,
    leave_one_out,
    over_resamples,
    subject_resamples,
    unknown_subjects,
)
from stages.statistics.metrics import DECIMALS, Floats
from stages.statistics.resampling_units import lacking_units

GROUPS_OF_CELLS = 100
"""A class's number of units where subjects are not known: random groups of cells."""

ENOUGH_SEEDS, ENOUGH_SUBJECTS = 3, 8
FEW_SEEDS = (
    "A side has 2 seeds: where training noise outweighs the subjects', 91 to 95 of 100 simulated "
    "intervals held the truth, and up to 7 of 100 pairs of equally good models were told better or "
    "worse. With 3 seeds it was 95, and 4."
)
FEW_SUBJECTS = (
    "A class has fewer than 8 subjects: of 100 simulated pairs of equally good models 1 to 4 were "
    "told better or worse, not 5, so that a true difference is missed more often."
)

_NO_SPREAD = "undefined, or the same in all seeds and without any subject"

Values = dict[str, Floats]
"""By metric: (seeds, 1 + units), with all cells, then without those of each unit."""


def compare_cross_validations(
    old: CrossValidation, new: CrossValidation, *, common: bool, one_strategy: bool = True
) -> dict[str, Any]:
    """Compare two cross-validations metric by metric.

    Unlike strategies are refused unless `one_strategy` is false: then they are the question.

    Returns:
        As `differences.compare`; a metric is the mean over a side's seeds. `old` and `new` also
        have `seeds` and `folds`, and `other_fold` is how many cells they tested in unlike folds.
        `chance` is BY_SUBJECTS where a side has one seed.
        Where both have several seeds, a metric's row has `standard_deviation`, that of the
        difference by `subjects`, `seeds` and `left_over`, and `settle`, from `more_to_settle`.

    Raises:
        StageError: if the strategies or the cells differ.
    """
    if one_strategy:
        _require_one_strategy(old, new)
    matched = pair(old.first, new.first, common=common)
    cells = matched.old.test
    subjects = count_subjects(cells)
    reason = lacking_units(cells)
    units = None if reason else _units(cells)
    sides = [_values(side, cells["image"], units) for side in (old, new)]
    same = _same_predictions(old, new)
    rows = {
        name: _row(name, (sides[0][name], sides[1][name]), units, subjects=subjects, same=same)
        for name in sides[0]
        if name in sides[1]
    }
    cautions = [] if reason else _cautions(old, new, cells)
    lacking = [name for name, row in rows.items() if row["interval"] is None]
    reasons = [reason] if reason else [f"no intervals of {', '.join(lacking)}: {_NO_SPREAD}"]
    return {
        "chance": BY_SUBJECTS_AND_SEEDS if _several_seeds(old, new) else BY_SUBJECTS,
        "old": _described(old),
        "new": _described(new),
        "part": OUT_OF_FOLD,
        "cells": len(cells),
        "subjects": subjects,
        **({"too_narrow": [TOO_NARROW]} if unknown_subjects(cells) and reason is None else {}),
        "left_out": list(matched.left_out),
        **({"caution": cautions} if cautions else {}),
        "other_fold": int((old.fold_of[cells["image"]] != new.fold_of[cells["image"]]).sum()),
        "metrics": rows,
        **({"undefined": reasons} if lacking else {}),
    }


def _require_one_strategy(old: CrossValidation, new: CrossValidation) -> None:
    if old.strategy != new.strategy:
        raise StageError(
            f"{old.first.name} was cross-validated with the strategy {old.strategy}, and "
            f"{new.first.name} with {new.strategy}: not the same question; run `make "
            "cross-validate` on both with the same one"
        )


def _several_seeds(*sides: CrossValidation) -> bool:
    return all(len(side.by_seed) > 1 for side in sides)


def _cautions(old: CrossValidation, new: CrossValidation, cells: pd.DataFrame) -> list[str]:
    """Return where the simulated intervals did not hold the truth in 95 of 100 comparisons."""
    seeds = min(len(old.by_seed), len(new.by_seed))
    subjects = int(cells.groupby("label")["subject"].nunique().min())
    few_subjects = not unknown_subjects(cells) and subjects < ENOUGH_SUBJECTS
    return [FEW_SEEDS] * (1 < seeds < ENOUGH_SEEDS) + [FEW_SUBJECTS] * few_subjects


def _same_predictions(old: CrossValidation, new: CrossValidation) -> bool:
    """Return whether both are the same trainings, and so no draws independent of each other."""
    columns = ["image", "p_all"]
    return old.by_seed.keys() == new.by_seed.keys() and all(
        old.by_seed[seed].test[columns].equals(new.by_seed[seed].test[columns])
        for seed in old.by_seed
    )


def _units(cells: pd.DataFrame) -> Resamples:
    """Return weights of all units, then without each: of subjects, or else of groups of cells."""
    if unknown_subjects(cells):
        shuffled = pd.Series(np.random.default_rng(SEED).permutation(len(cells)), cells.index)
        place = shuffled.groupby(cells["label"]).rank().astype(int)
        cells = cells.assign(subject=(place % GROUPS_OF_CELLS).astype(str))
    units = subject_resamples(cells, replicates=1, seed=SEED)
    return replace(units, drawn=np.vstack([np.ones_like(units.drawn), leave_one_out(units).drawn]))


def _values(side: CrossValidation, images: pd.Series, units: Resamples | None) -> Values:
    """Measure each seed on these cells, with all units and, if there are any, without each."""
    found = []
    for revision in side.by_seed.values():
        kept = revision.test["image"].isin(images)
        one = replace(revision, test=revision.test[kept].reset_index(drop=True))
        if units is None:
            found.append(weighted_metrics(one, np.ones((1, len(images)))))
        else:
            found.append(over_resamples(units, partial(weighted_metrics, one)))
    return {name: np.stack([values[name] for values in found]) for name in found[0]}


def _row(
    name: str,
    sides: tuple[Floats, Floats],
    units: Resamples | None,
    *,
    subjects: int | None,
    same: bool,
) -> dict[str, Any]:
    """Return the row of a metric; without an interval if nothing tells its spread."""
    means = [float(values[:, 0].mean()) for values in sides]
    old, new = (round(mean, DECIMALS) if np.isfinite(mean) else None for mean in means)
    if units is None or not all(np.isfinite(values).all() for values in sides):
        return metric_row(name, old, new, None, None)
    if same:
        return metric_row(name, old, new, [0.0, 0.0], 1.0)
    difference = means[1] - means[0]
    variance = crossed_variance(sides, strata=units.strata, sizes=np.bincount(units.unit_of_cell))
    if variance.total == 0:
        interval, p_value = ([0.0, 0.0], 1.0) if difference == 0 else (None, None)
        return metric_row(name, old, new, interval, p_value)
    reach = variance.half_width
    interval = [round(end, DECIMALS) for end in (difference - reach, difference + reach)]
    row = metric_row(name, old, new, interval, variance.p_value(difference))
    if (variance.seeds > 1).all():
        row["standard_deviation"] = {
            part: round(float(np.sqrt(value)), DECIMALS) for part, value in variance.parts.items()
        }
        if row["verdict"] == "unresolved":
            row["settle"] = more_to_settle(variance, difference, subjects=subjects)
    return row


def _described(side: CrossValidation) -> dict[str, Any]:
    return described(side.first) | {"seeds": list(side.by_seed), "folds": side.folds}
