"""Draw synthetic cells into an archive in Kaggle's layout, so that the pipeline can run anywhere.

The same seed gives the same bytes on any processor and with any build of zlib: see
cell_drawing.py for the pixels and zip_writer.py for the zip.

The cells behave like the real ones. Nuclei of ALL are larger and more ragged, and have smoother
chromatin; the two classes overlap. Each subject has its own stain and light. So cells of subjects
outside training are harder, and a split by image scores better than a split by subject. As in the
real data set, one subject is spelled in lower case, and some identical images have two subject
names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.dataset.archive import SYNTHETIC_MARK
from stages.dataset.archive_layout import PRELIMINARY, PRELIMINARY_LABELS
from stages.dataset.classes import CLASS_NAMES
from stages.download.cell_drawing import Look, bell, draw_bmp
from stages.download.zip_writer import write_zip

_ROOT = "C-NMC_Leukemia"
_SUBJECTS = {"all": 36, "hem": 28}
_ALL_SHARE = 0.65  # 0.68 in C-NMC 2019
_EXTERNAL_SUBJECTS = {"all": 6, "hem": 6}
_FIRST_EXTERNAL_SUBJECT = 51
_CELLS_PER_EXTERNAL_CELL = 12
_LEAST_CELLS_PER_SUBJECT = 4
_CELLS_PER_FIELD = 4
_LOWER_CASE = "H3"
_TWINS = {"21": ("20", 4), "H4": ("H2", 2)}
"""Subject: (another subject, number of its images that the first subject repeats)."""

# Random streams. A generator is seeded with (seed, stream, purpose).
_COUNTS, _SUBJECT, _FIELD, _CELL, _ORDER = range(5)


@dataclass(frozen=True)
class _Picture:
    """An image of the archive: member name, subject, class, and number of the subject's cell."""

    member: str
    subject: str
    label: str
    number: int


def write_synthetic_archive(destination: Path, *, cells: int, seed: int) -> None:
    """Draw the synthetic cells into a zip.

    Args:
        destination: path of the archive.
        cells: number of training images of both classes, at least 320. A twelfth as many
            preliminary-test images, of other subjects, and their label file are added.
        seed: the same seed gives the same bytes.
    """
    external, labels = _external_pictures(cells // _CELLS_PER_EXTERNAL_CELL, seed)
    pictures = _training_pictures(cells, seed) + external
    contents: dict[str, Callable[[], bytes]] = {
        picture.member: functools.partial(_draw, picture, seed) for picture in pictures
    }
    contents[f"{_ROOT}/validation_data/{PRELIMINARY_LABELS}"] = labels.encode
    write_zip(destination, contents, description="Drawing synthetic cells", comment=SYNTHETIC_MARK)


def _training_pictures(cells: int, seed: int) -> list[_Picture]:
    totals = {"all": round(cells * _ALL_SHARE)}
    totals["hem"] = cells - totals["all"]
    pictures = []
    for label in sorted(_SUBJECTS):
        names = [_subject_name(label, number + 1) for number in range(_SUBJECTS[label])]
        counts = _uneven_counts(totals[label], names, seed)
        for index, name in enumerate(names):
            folder = f"{_ROOT}/training_data/fold_{index % 3}/{label}"
            twin, shared = _TWINS.get(name, (name, 0))
            for number in range(counts[name]):
                member = f"{folder}/{_image_name(name, number, label)}"
                subject = twin if number < shared else name
                pictures.append(_Picture(member, subject, label, number))
    return sorted(pictures, key=lambda picture: picture.member)


def _external_pictures(cells: int, seed: int) -> tuple[list[_Picture], str]:
    """Return the preliminary-test images, numbered in random order, and the label file."""
    originals = []
    for label in sorted(_EXTERNAL_SUBJECTS):
        count = cells // len(_EXTERNAL_SUBJECTS)
        for position in range(count):
            subject = position % _EXTERNAL_SUBJECTS[label]
            number = position // _EXTERNAL_SUBJECTS[label]
            originals.append(
                (_subject_name(label, _FIRST_EXTERNAL_SUBJECT + subject), number, label)
            )
    pictures = []
    lines = ["Patient_ID,new_names,labels"]
    order = _chance(seed, _ORDER).permutation(len(originals))
    for position, chosen in enumerate(order.tolist()):
        subject, number, label = originals[chosen]
        name = f"{position + 1}.bmp"
        member = f"{_ROOT}/validation_data/{PRELIMINARY}/{name}"
        pictures.append(_Picture(member, subject, label, number))
        lines.append(f"{_image_name(subject, number, label)},{name},{CLASS_NAMES.index(label)}")
    return pictures, "\r\n".join(lines) + "\r\n"


def _uneven_counts(total: int, names: list[str], seed: int) -> dict[str, int]:
    """Divide `total` cells among subjects as unevenly as in the real data, some few to each."""
    random = _chance(seed, _COUNTS, total)
    lots = [name for name in names for _ in range(int(random.integers(1, 6)) ** 2)]
    counts = dict.fromkeys(names, _LEAST_CELLS_PER_SUBJECT)
    for lot in random.integers(0, len(lots), total - sum(counts.values())).tolist():
        counts[lots[lot]] += 1
    return counts


def _draw(picture: _Picture, seed: int) -> bytes:
    random = _chance(seed, _CELL, _identity(picture.subject), picture.number)
    return draw_bmp(_look(picture, seed, random), random)


def _look(picture: _Picture, seed: int, cell: np.random.Generator) -> Look:
    subject = _chance(seed, _SUBJECT, _identity(picture.subject))
    field = _chance(seed, _FIELD, _identity(picture.subject), picture.number // _CELLS_PER_FIELD)
    leukemic = picture.label == "all"
    radius = (109 if leukemic else 89) + 6 * bell(subject) + 12 * bell(cell)
    contrast = (7 if leukemic else 17) + 1.5 * bell(subject) + 2 * bell(cell)
    raggedness = (0.42 if leukemic else 0.20) + 0.04 * bell(subject) + 0.08 * bell(cell)
    stain = 5 * bell(subject)
    red, green, blue = (stain + 5 * bell(subject) for _ in range(3))
    tint = (5 if leukemic else -5) + 2 * bell(cell)
    brightness = 1 + 0.08 * bell(subject)
    left, top = 0.06 * bell(field), 0.06 * bell(field)
    return Look(
        radius=min(max(radius, 55), 135),
        elongation=1.3,
        raggedness=max(raggedness, 0.02),
        clump_contrast=max(contrast, 2),
        clump_size=30 if leukemic else 36,
        nucleoli=4 if leukemic else 2,
        stain=(red + tint, green, blue - tint),
        light=(1 + left, 1 - left, brightness + top, brightness - top),
    )


def _subject_name(label: str, number: int) -> str:
    return f"H{number}" if label == "hem" else f"{number}"


def _image_name(subject: str, number: int, label: str) -> str:
    spelled = subject.lower() if subject == _LOWER_CASE else subject
    field, cell = divmod(number, _CELLS_PER_FIELD)
    return f"UID_{spelled}_{field + 1}_{cell + 1}_{label}.bmp"


def _identity(subject: str) -> int:
    return int(subject.removeprefix("H")) + 1000 * subject.startswith("H")


def _chance(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, *purpose])
