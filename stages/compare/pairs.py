"""Match the test cells of two revisions by image, class and subject."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from stages.common.errors import StageError
from stages.compare.revisions import Revision
from stages.dataset.classes import CLASS_NAMES


@dataclass(frozen=True)
class Pair:
    """Two revisions on the same test cells, row for row.

    Attributes:
        old: the baseline revision.
        new: the revision to compare with it.
        left_out: the number of cells in old only, and in new only.
    """

    old: Revision
    new: Revision
    left_out: tuple[int, int]


def pair(old: Revision, new: Revision, *, common: bool) -> Pair:
    """Restrict two revisions to the same test cells.

    Args:
        old: with its test cells sorted by image.
        new: the same.
        common: whether to leave out the cells that only one of them has.

    Raises:
        StageError: if their cells differ and `common` is false, if the common cells are not of
            both classes, or if an image has different classes or subjects in them.
    """
    both = old.test.merge(new.test, on="image", suffixes=("_old", "_new"), validate="1:1")
    for column in ("label", "subject"):
        differs = both[both[f"{column}_old"] != both[f"{column}_new"]]
        if len(differs):
            first = differs.iloc[0]
            raise StageError(
                f"{first['image']} is of {column} {first[f'{column}_old'] or 'unknown'} in "
                f"{old.name} and {first[f'{column}_new'] or 'unknown'} in {new.name}; the data "
                "differ, so compare nothing"
            )
    if both.empty and old.pseudonym_key != new.pseudonym_key:
        raise StageError(
            f"the cells of {_identifiers(old)} and of {_identifiers(new)} cannot be matched by "
            "name; run both on one archive (`dvc pull data/raw` brings it), or with one key"
        )
    left_out = (len(old.test) - len(both), len(new.test) - len(both))
    if any(left_out) and not common:
        raise StageError(
            f"{old.name} and {new.name} were not measured on the same {new.part} cells: of "
            f"{len(old.test):,} and {len(new.test):,} they share {len(both):,}. Archive and "
            "`split` must agree; --common compares on the shared ones, of which either model may "
            "have trained on some"
        )
    if both["label_old"].nunique() < len(CLASS_NAMES):
        raise StageError(
            f"{old.name} and {new.name} share {len(both):,} {new.part} cells, not of both classes: "
            "nothing to compare on; run both on the same archive with the same `split`"
        )
    return Pair(_restrict(old, both["image"]), _restrict(new, both["image"]), left_out)


def _identifiers(side: Revision) -> str:
    key = side.pseudonym_key
    return f"{side.name} ({f'pseudonyms by the key {key}' if key else 'no pseudonyms'})"


def _restrict(measured: Revision, images: pd.Series) -> Revision:
    test = measured.test
    return replace(measured, test=test[test["image"].isin(images)].reset_index(drop=True))
