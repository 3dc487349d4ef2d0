"""What can be wrong with the list of external test sets: its entries, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.own_sets import encoded, picture, write_files

Entries = list[dict[str, Any]]


def pictures(folder: Path, *labels: str) -> str:
    """Write a folder of two pictures of each class, and return its path."""
    files = {
        f"{label}/{number}.png": encoded(picture(number + 10 * place))
        for place, label in enumerate(labels)
        for number in range(2)
    }
    return str(write_files(folder / "set", files))


def entry(folder: Path, *labels: str, **keys: Any) -> dict[str, Any]:
    """An entry of the list that is right but for the keys given."""
    source = pictures(folder, *(labels or ("all", "hem")))
    return {"name": "zurich", "source": source, "fit": "whole"} | keys


def empty(folder: Path) -> Entries:
    (folder / "empty").mkdir()
    return [entry(folder, source=str(folder / "empty"))]


def without(folder: Path, key: str) -> Entries:
    return [{name: value for name, value in entry(folder).items() if name != key}]


FAULTS_OF_EXTERNAL_SETS: list[tuple[str, Callable[[Path], Entries], str]] = [
    (
        "a name twice",
        lambda folder: [entry(folder), entry(folder, name="Zurich")],
        "download.external names Zurich twice (upper and lower case do not matter); give each set "
        "a name of its own",
    ),
    (
        "the name of another part",
        lambda folder: [entry(folder, name="Test")],
        "download.external names a set Test, which means something else in the tables and metrics",
    ),
    (
        "a name that is no plain word",
        lambda folder: [entry(folder, name="../Zürich 1")],
        "external.0.name is '../Zürich 1': string should match pattern '^[A-Za-z][A-Za-z0-9_-]*$'",
    ),
    (
        "no source",
        lambda folder: without(folder, "source"),
        "external.0.source is missing; add it",
    ),
    (
        "no fit",
        lambda folder: without(folder, "fit"),
        "external.0.fit is missing; add it",
    ),
    (
        "an unknown key",
        lambda folder: [entry(folder, size=3)],
        "external.0.size is not a known parameter; check its spelling or remove it",
    ),
    (
        "a source that is not there",
        lambda folder: [entry(folder, source="missing.zip")],
        "download.external zurich: missing.zip is not a file in ",
    ),
    (
        "an empty folder",
        empty,
        "no images; expected class folders (…/<class>/<image>), a metadata.csv beside images, or ",
    ),
    (
        "a class that nothing maps",
        lambda folder: [entry(folder, "all", "hem", "odd")],
        "classes that nothing maps: odd (2); expected hem and all; name them in classes there",
    ),
    (
        "pictures of one class alone",
        lambda folder: [entry(folder, "all")],
        "no images of class hem (expected hem and all); found all (2); see classes there",
    ),
    (
        "a crop without its size",
        lambda folder: [entry(folder, fit="crop")],
        "`download.external zurich.fit` is crop and `download.external zurich.crop_size` is null",
    ),
    (
        "a scale without a crop",
        lambda folder: [entry(folder, microns_per_pixel=0.1)],
        "`download.external zurich.microns_per_pixel` is 0.1 and `download.external zurich.fit` is "
        "whole; set the former to null, or the latter to crop, which alone keeps scale",
    ),
    (
        "another file than expected",
        lambda folder: [entry(folder, sha256="0" * 64)],
        "correct sha256 there, or give the right source",
    ),
]
"""Fault, the entries of the list (made in a folder), and a part of the line that tells it."""
