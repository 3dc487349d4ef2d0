"""DVC stage split: divide the cells into train, val and test, and report the leakage."""

from __future__ import annotations

from stages.common.portable_environment import set_numpy_environment

set_numpy_environment()  # before NumPy is imported

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.files import write_json
from stages.common.stage_entry import run_stage
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.cell_table import SPLITS, write_cells
from stages.split.assign import assign_parts
from stages.split.groups import subject_groups
from stages.split.image_identity import identical_images, image_prints, near_identical_images
from stages.split.params import SplitParams
from stages.split.split_report import split_report


def split(
    params: SplitParams,
    *,
    archive: Path,
    given_csv: Path,
    cells_csv: Path,
    external_csv: Path,
    report: Path,
) -> str:
    """Divide the cells into train, val and test, and report the leakage between them.

    The table of cells does not depend on the external ones, which have a table of their own: other
    external cells train nothing again.
    """
    with open_archive(archive) as opened:
        training, external = training_cells(opened), external_cells(opened)
    cells = pd.concat([training, external], ignore_index=True).fillna("")
    members = cells["member"].tolist()
    prints = image_prints(archive, members)
    identical = identical_images(members, prints)
    near_identical = near_identical_images(members, prints)
    training["group"] = subject_groups(training, _among(identical, training["member"]))
    training["split"] = assign_parts(training, params, given_csv=given_csv)
    external["group"] = subject_groups(cells, identical)[len(training) :]
    external["split"] = "external"
    cells = pd.concat([training, external], ignore_index=True).fillna("")
    described = split_report(cells, params, identical=identical, near_identical=near_identical)
    write_cells(training, cells_csv)
    write_cells(external, external_csv)
    write_json(described, report)
    return _summary(described, near_identical)


def _summary(described: Mapping[str, Any], near_identical: Sequence[tuple[str, str]]) -> str:
    counts = ", ".join(f"{described[name]['cells']:,} {name}" for name in SPLITS)
    leaking = described["leakage"]["subjects"]
    told = [
        f"{counts} cells by strategy {described['strategy']}",
        f"{'an unknown number of' if leaking is None else leaking} subjects in more than one part",
    ]
    if deviation := described["deviation_points"]:
        told.append(
            f"sizes within {deviation['size']:.1f} and class shares within "
            f"{deviation['class_share']:.1f} percentage points of what was asked"
        )
    if near_identical:
        (one, other), *_ = near_identical
        parted = described["near_identical_pairs"]["in_two_parts"]
        told.append(
            f"{len(near_identical):,} pairs of images look the same ({parted:,} of them in two "
            f"parts), such as {one} and {other}"
        )
    return "; ".join(told)


def _among(identical: Iterable[list[str]], members: Iterable[str]) -> list[list[str]]:
    """Return the sets of identical images, without other members."""
    known = set(members)
    return [[member for member in alike if member in known] for alike in identical]


if __name__ == "__main__":
    run_stage(split)
