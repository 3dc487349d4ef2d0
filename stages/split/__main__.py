"""DVC stage split: divide the cells into train, val and test, and report the leakage."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.common.files import write_csv, write_json
from stages.common.stage_entry import run_stage
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import training_cells
from stages.dataset.cell_table import SPLITS, write_cells
from stages.dataset.external_sets import external_sets
from stages.split.assign import assign_parts
from stages.split.given_parts import given_parts
from stages.split.groups import subject_groups
from stages.split.image_identity import (
    identical_images,
    identical_table,
    image_prints,
    near_identical_images,
)
from stages.split.params import SplitParams
from stages.split.several_sets import among, external_table, joined, refuse_shared, unique_names
from stages.split.split_report import split_report


def split(
    params: SplitParams,
    *,
    archive: Path,
    external: Path,
    given_csv: Path,
    cells_csv: Path,
    external_csv: Path,
    identical_csv: Path,
    report: Path,
) -> str:
    """Divide the cells into train, val and test, and report the leakage between them.

    The table of cells does not depend on the external sets, which have a table of their own: other
    external sets train nothing again.
    """
    with open_archive(archive) as opened:
        training = training_cells(opened)
    sets = external_sets(archive, external)
    names, prints = training["member"].tolist(), image_prints(archive, training["member"].tolist())
    for other in sets:
        names += unique_names(other)
        prints += image_prints(other.archive, other.cells["member"].tolist())
    identical = identical_images(names, prints)
    near_identical = near_identical_images(names, prints)
    for other in sets:
        refuse_shared(other, training, identical)
    training["group"] = subject_groups(training, among(identical, training["member"]))
    if params.strategy == "given":
        training["split"] = given_parts(training, given_csv)
    else:
        training["split"] = assign_parts(training, params)
    tables = [external_table(other, training, identical) for other in sets]
    cells = joined([training, *tables]).assign(member=names)
    described = split_report(cells, params, identical=identical, near_identical=near_identical)
    write_cells(training, cells_csv)
    write_cells(joined(tables), external_csv)
    write_csv(identical_table(training, identical), identical_csv)
    write_json(described, report)
    return _summary(described, [*SPLITS, *(other.name for other in sets)], near_identical)


def _summary(
    described: Mapping[str, Any], parts: Sequence[str], near_identical: Sequence[tuple[str, str]]
) -> str:
    counts = ", ".join(f"{described[name]['cells']:,} {name}" for name in parts)
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
            f"pairs of images that look the same: {len(near_identical):,} ({parted:,} of them in "
            f"two parts), such as {one} and {other}"
        )
    return "; ".join(told)


if __name__ == "__main__":
    run_stage(split)
