"""Map what a set calls its classes to ours."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from stages.dataset.classes import CLASS_NAMES
from stages.download.params import DownloadParams
from stages.download.set_layout import CLASS_FOLDERS, SetError

_MOST = 20  # classes that a message lists
_NO_CLASSES = (
    "; where the innermost folders are no classes, write a metadata.csv (docs/own-data.md)"
)


def with_our_classes(images: pd.DataFrame, params: DownloadParams, *, layout: str) -> pd.DataFrame:
    """Give each image our class for its own, and leave out those of ignored classes.

    Where a class has another name than ours, a column `source_class` keeps it.

    Args:
        images: one row per image, with a column `label`: what the set calls its class.
        params: `classes` and `ignore_classes`. Upper and lower case do not matter.
        layout: TABLE or CLASS_FOLDERS.

    Raises:
        SetError: if a class is neither mapped nor ignored, or both, or mapped twice; or if no image
            of one of ours is left.
    """
    ours = _our_names(params)
    ignored = {name.casefold() for name in params.ignore_classes}
    theirs = images["label"].str.casefold()
    unmapped = images.loc[~theirs.isin([*ours, *ignored]), "label"]
    if len(unmapped):
        raise SetError(
            f"classes that nothing maps: {_counted(unmapped)}; expected {_expected(params)}; name "
            "them in download.classes, as {hem: [benign, normal], all: [early, pre]}, or in "
            f"download.ignore_classes{_NO_CLASSES if layout == CLASS_FOLDERS else ''}"
        )
    taken = images[~theirs.isin(ignored)].reset_index(drop=True)
    label = taken["label"].str.casefold().map(ours)
    if missing := sorted(set(CLASS_NAMES).difference(label)):
        raise SetError(
            f"no images of class {' and '.join(missing)} (expected {_expected(params)}); found "
            f"{_counted(images['label'])}; see download.classes"
        )
    if "source_class" not in taken and (label != taken["label"].str.casefold()).any():
        taken["source_class"] = taken["label"]
    return taken.assign(label=label)


def class_counts(images: pd.DataFrame, taken: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the images of each class of the set, by our class; `ignored` has the others.

    Args:
        images: all images of the set, with their own `label`.
        taken: those that `with_our_classes` left, with our `label`.
    """
    ours = taken.set_index("file_name")["label"]
    kept = images["file_name"].map(ours).fillna("ignored")
    return {
        name: dict(sorted(Counter(images.loc[kept == name, "label"]).items()))
        for name in (*CLASS_NAMES, "ignored")
    }


def _our_names(params: DownloadParams) -> dict[str, str]:
    """Map the names of the set's classes, in lower case, to ours."""
    pairs = [(name, name) for name in CLASS_NAMES]
    if params.classes is not None:
        mapped = params.classes.items()
        pairs = [(their.casefold(), name) for name, theirs in mapped for their in theirs]
    ignored = [name.casefold() for name in params.ignore_classes]
    named = Counter([their for their, _ in pairs] + ignored)
    if twice := [name for name, count in named.items() if count > 1]:
        raise SetError(
            f"download.classes and download.ignore_classes name {twice[0]} twice (upper and lower "
            "case do not matter); leave it in one place"
        )
    return dict(pairs)


def _expected(params: DownloadParams) -> str:
    if params.classes is None:
        return " and ".join(CLASS_NAMES)
    return " and ".join(f"{name}: {', '.join(theirs)}" for name, theirs in params.classes.items())


def _counted(labels: pd.Series) -> str:
    counts = sorted(Counter(labels).items())
    rest = f" and {len(counts) - _MOST:,} more" if len(counts) > _MOST else ""
    return ", ".join(f"{name} ({count:,})" for name, count in counts[:_MOST]) + rest
