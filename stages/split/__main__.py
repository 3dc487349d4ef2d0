"""DVC stage split: divide the cells into train, val and test, and report the leakage."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

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


def split(params: SplitParams, *, archive: Path, cells_csv: Path, report: Path) -> str:
    """Divide the cells into train, val and test, and report the leakage between them."""
    with open_archive(archive) as opened:
        training, external = training_cells(opened), external_cells(opened)
        cells = pd.concat([training, external], ignore_index=True)
        identical = identical_images(opened, cells["member"])
    cells["group"] = subject_groups(cells, identical)
    parts = assign_parts(cells.iloc[: len(training)], params)
    cells["split"] = parts + ["external"] * len(external)
    described = split_report(cells, params, identical=identical)
    write_cells(cells, cells_csv)
    write_json(described, report)
    counts = ", ".join(f"{described[name]['cells']:,} {name}" for name in SPLITS)
    leaking = described["leakage"]["subjects"]
    deviation = described["deviation_points"]
    return (
        f"{counts} cells by strategy {params.strategy}; {leaking} subjects in more than one part; "
        f"sizes within {deviation['size']:.1f} and class shares within "
        f"{deviation['class_share']:.1f} percentage points of what was asked"
    )


if __name__ == "__main__":
    run_stage(split)
