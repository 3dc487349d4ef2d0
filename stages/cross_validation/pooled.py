"""Put the members' predictions together: out of fold, and as an ensemble on the external sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from stages.cross_validation.members import Member
from stages.dataset.cell_table import external_parts
from stages.dataset.predictions_table import LOGIT_DECIMALS, P_ALL_DECIMALS
from stages.statistics.frozen import Frozen, freeze, together
from stages.statistics.tuning import Tuning, tune

OUT_OF_FOLD = "out_of_fold"
"""The part of the cells that are each predicted by a member that has not seen their subject."""

_LOGIT_OF = {"p_all": "logit", "p_all_tta": "logit_tta"}


def tune_members(
    members: Sequence[Member], *, threshold: float, target_sensitivity: float
) -> dict[str, Tuning]:
    """Tune each member on its own validation cells; return the tunings by the members' names."""
    return {
        member.name: tune(
            member.predictions[member.predictions["split"] == "val"],
            threshold=threshold,
            target_sensitivity=target_sensitivity,
        )
        for member in members
    }


def pool_members(
    members: Sequence[Member], tunings: Mapping[str, Tuning], training: pd.DataFrame
) -> dict[int, Frozen]:
    """Return all training cells for each seed, each as its member predicted it.

    Thresholds, temperatures and size-only classifiers are frozen member by member.

    Args:
        members: all of them.
        tunings: by the members' names.
        training: the area of each training cell, in column `area`, by `image`.

    Returns:
        By seed; columns as in predictions.csv, with `split` OUT_OF_FOLD, `seed` and `test_fold`,
        sorted by image.
    """
    by_seed: dict[int, list[Frozen]] = {}
    for member in members:
        rows = member.predictions
        tested = rows[rows["split"] == "test"].assign(split=OUT_OF_FOLD)
        tested = tested.assign(seed=member.seed, test_fold=member.fold)
        trained = member.cells[member.cells["split"] == "train"]
        trained = trained.assign(area=training["area"].reindex(trained["image"]).to_numpy(float))
        frozen = freeze(tested, tunings[member.name], training=trained)
        named = {name: f"{member.name}: {reason}" for name, reason in frozen.missing.items()}
        by_seed.setdefault(member.seed, []).append(Frozen(frozen.predictions, named))
    return {seed: _sorted(together(parts)) for seed, parts in sorted(by_seed.items())}


def tune_ensemble(
    pooled: Mapping[int, Frozen], *, threshold: float, target_sensitivity: float
) -> Tuning:
    """Tune the ensemble on the cells as they were predicted out of fold, by all seeds.

    No cell is unseen by all members: those that have not seen it speak for the mean of all.
    """
    rows = pd.concat([frozen.predictions for frozen in pooled.values()], ignore_index=True)
    return tune(rows, threshold=threshold, target_sensitivity=target_sensitivity)


def external_of_members(members: Sequence[Member]) -> dict[str, list[pd.DataFrame]]:
    """Return the rows of each external set, as each member predicted them."""
    names = external_parts(members[0].predictions)
    return {
        name: [member.predictions[member.predictions["split"] == name] for member in members]
        for name in names
    }


def mean_of(predicted: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of one set with the mean of the members' logits, and its p(ALL).

    Args:
        predicted: the same rows as each member predicted them.
    """
    mean = predicted[0].reset_index(drop=True)
    for p_all, logit in _LOGIT_OF.items():
        if logit in mean:
            logits = np.mean([rows[logit].to_numpy(float) for rows in predicted], axis=0)
            rounded = logits.round(LOGIT_DECIMALS)
            mean = mean.assign(**{p_all: expit(rounded).round(P_ALL_DECIMALS), logit: rounded})
    return mean


def _sorted(frozen: Frozen) -> Frozen:
    rows = frozen.predictions.sort_values("image", ignore_index=True)
    return Frozen(rows, frozen.missing)
