"""Compare two revisions on a part: the test cells, an external set, or all cells out of fold."""

from __future__ import annotations

from typing import Any

from stages.compare.cross_validations import OUT_OF_FOLD, read_cross_validation
from stages.compare.crossed_comparison import compare_cross_validations
from stages.compare.differences import compare
from stages.compare.pairs import pair
from stages.compare.revisions import read_revision


def compare_part(old: str | None, new: str | None, *, part: str, common: bool) -> dict[str, Any]:
    """Compare two revisions; None is the workspace.

    Raises:
        StageError: if a revision, a file or cells of it are missing, or do not match.
    """
    if part == OUT_OF_FOLD:
        first, second = read_cross_validation(old), read_cross_validation(new)
        return compare_cross_validations(first, second, common=common)
    return compare(
        pair(read_revision(old, part=part), read_revision(new, part=part), common=common)
    )
