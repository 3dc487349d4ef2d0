"""Refuse images that no later stage could read, all together, before the archive is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from stages.common.errors import StageError
from stages.dataset.image_form import DAMAGED, RGB, UNKNOWN, ImageForm
from stages.download.inventory import some

CONVERT = 'convert them as docs/data.md shows under "Images in another form"'
_REPLACE = "replace what is damaged or no image, or leave it out"


def check_forms(forms: Mapping[str, ImageForm], *, name: str) -> None:
    """Check that all cells are square RGB images of one size.

    Args:
        forms: the form of each cell's image, by its path in the archive.
        name: name of the archive in messages.

    Raises:
        StageError: if they are not; it says which forms there are, and in how many files.
    """
    kinds = _grouped({path: form.kind for path, form in forms.items()})
    others = [kind for kind in kinds if kind != RGB]
    if others:
        remedies = {CONVERT for kind in others if kind not in DAMAGED}
        remedies |= {_REPLACE for kind in others if kind in (*DAMAGED, UNKNOWN)}
        raise StageError(
            f"{name}: {_told(kinds, others)}; expected {RGB} (red, green and blue); "
            f"{', and '.join(sorted(remedies))}"
        )
    sizes = _grouped({path: form.size for path, form in forms.items()})
    (usual, *rest) = sizes
    if rest or usual is None or usual[0] != usual[1]:
        named = {f"{width}×{height}": paths for (width, height), paths in sizes.items()}
        raise StageError(
            f"{name}: {_told(named, list(named))}; expected squares of one size; {CONVERT}"
        )


def _grouped(values: Mapping[str, Any]) -> dict[Any, list[str]]:
    """Return the sorted paths by value; the value that most paths have comes first."""
    groups: dict[Any, list[str]] = defaultdict(list)
    for path in sorted(values):
        groups[values[path]].append(path)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def _told(groups: Mapping[str, Sequence[str]], which: Sequence[str]) -> str:
    """Say how many images are of each of these kinds or sizes, with examples of the rarer ones."""
    total = sum(map(len, groups.values()))
    return "; ".join(_counted(kind, groups[kind], total) for kind in which)


def _counted(kind: str, paths: Sequence[str], total: int) -> str:
    if len(paths) == total:
        return f"all {total:,} images are {kind}"
    examples = f" ({some(paths)})" if len(paths) <= total / 2 else ""
    return (
        f"{len(paths):,} of {total:,} images {'is' if len(paths) == 1 else 'are'} {kind}{examples}"
    )
