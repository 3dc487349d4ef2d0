"""DVC stage split: divide the cells into train, val and test, and report the leakage."""

from __future__ import annotations

from stages.common.portable_environment import set_numpy_environment

set_numpy_environment()  # before NumPy is imported

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.common.files import write_json
from stages.common.stage_entry import run_stage
from stages.dataset.archive import identical_images, open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.cell_table import SPLITS, write_cells
from stages.split.assign import assign_parts
from stages.split.groups import subject_groups
from stages.split.params import SplitParams
from stages.split.split_report import split_report


def split(
    params: SplitParams, *, archive: Path, cells_csv: Path, external_csv: Path, report: Path
) -> str:
    """Divide the cells into train, val and test, and report the leakage between them.

    The table of cells does not depend on the external ones, which have a table of their own: other
    external cells train nothing again.
    """
    with open_archive(archive) as opened:
        training, external = training_cells(opened), external_cells(opened)
        cells = pd.concat([training, external], ignore_index=True)
        identical = identical_images(opened, cells["member"])
    training["group"] = subject_groups(training, _among(identical, training["member"]))
    training["split"] = assign_parts(training, params)
    external["group"] = subject_groups(cells, identical)[len(training) :]
    external["split"] = "external"
    cells = pd.concat([training, external], ignore_index=True)
    described = split_report(cells, params, identical=identical)
    write_cells(training, cells_csv)
    write_cells(external, external_csv)
    write_json(described, report)
    counts = ", ".join(f"{described[name]['cells']:,} {name}" for name in SPLITS)
    leaking = described["leakage"]["subjects"]
    deviation = described["deviation_points"]
    return (
        f"{counts} cells by strategy {params.strategy}; {leaking} subjects in more than one part; "
        f"sizes within {deviation['size']:.1f} and class shares within "
        f"{deviation['class_share']:.1f} percentage points of what was asked"
    )


def _among(identical: Iterable[list[str]], members: Iterable[str]) -> list[list[str]]:
    """Return the sets of identical images, without other members."""
    known = set(members)
    return [[member for member in alike if member in known] for alike in identical]


if __name__ == "__main__":
    run_stage(split)
