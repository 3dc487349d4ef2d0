"""Put the external sets beside the training cells: unique names, groups, shared pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from stages.common.errors import StageError
from stages.dataset.cell_table import COLUMNS
from stages.dataset.external_sets import ExternalSet
from stages.split.groups import subject_groups


def unique_names(external: ExternalSet) -> list[str]:
    """Return a name for each cell that no cell of another archive has."""
    members: list[str] = external.cells["member"].tolist()
    return members if external.choices is None else [f"{external.name}: {m}" for m in members]


def external_table(
    external: ExternalSet, training: pd.DataFrame, identical: Iterable[list[str]]
) -> pd.DataFrame:
    """Return the cells of a set with their `split`, its name, and `group`.

    Names of subjects mean the same person within a source alone: the preliminary set shares that of
    the training cells.

    Args:
        external: the set.
        training: the training cells, with columns image, member and subject.
        identical: sets of names with identical pixels; see `unique_names`.
    """
    beside = training if external.choices is None else training[:0]
    named = external.cells.assign(member=unique_names(external))
    together = pd.concat([beside, named], ignore_index=True)
    groups = subject_groups(together, among(identical, together["member"]))
    return external.cells.assign(group=groups[len(beside) :], split=external.name)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of cells as one; a column that one of them lacks is empty there."""
    return pd.concat([pd.DataFrame(columns=list(COLUMNS)), *tables], ignore_index=True).fillna("")


def among(identical: Iterable[list[str]], names: Iterable[str]) -> list[list[str]]:
    """Return the sets of identical images, without other names."""
    known = set(names)
    return [[name for name in alike if name in known] for alike in identical]


def refuse_shared(
    external: ExternalSet, training: pd.DataFrame, identical: Iterable[list[str]]
) -> None:
    """Refuse a set with pictures that the training cells have, too, unless it is allowed.

    Raises:
        StageError: with the first such picture, and how many there are.
    """
    if external.choices is None or external.choices.allow_shared:
        return
    own = dict(zip(unique_names(external), external.cells["image"], strict=True))
    ours = dict(zip(training["member"], training["image"], strict=True))
    shared = [
        (own[name], next(other for other in alike if other in ours))
        for alike in identical
        for name in alike
        if name in own and ours.keys() & set(alike)
    ]
    if shared:
        image, known = shared[0]
        raise StageError(
            f"{len(shared):,} of the {len(own):,} pictures of the external set {external.name} are "
            f"in the training set, too: {image} there is {ours[known]}"
            f"{', for example' if len(shared) > 1 else ''}; leave them out of one of both, or set "
            f"`allow_shared: true` of {external.name} in download.external"
        )
