"""DVC stage preprocess: crop and resize the images, and write them as TFRecord shards."""

from __future__ import annotations

from stages.common.portable_environment import set_numpy_environment

set_numpy_environment()  # before NumPy is imported

from pathlib import Path

from stages.common.errors import StageError
from stages.common.files import atomic_path, write_csv
from stages.common.stage_entry import run_stage
from stages.common.standard_streams import protect_standard_streams
from stages.dataset.cell_table import SPLITS, read_cells
from stages.preprocess.params import PreprocessParams
from stages.preprocess.record_writer import import_record_writer
from stages.preprocess.write_shards import plan_shards, write_shards


def preprocess(
    params: PreprocessParams, *, archive: Path, cells_csv: Path, shards: Path, appearance_csv: Path
) -> str:
    """Write the shards of every split and their index; see dataset/shards.py for the format.

    `appearance_csv` gets how each cell looks; see appearance.py. The stage evaluate measures how
    well the area alone classifies, and compares the parts.

    Raises:
        StageError: if an image is missing, corrupt, or has the wrong size or form; or if the crop
            is larger than the images.
    """
    if (params.crop_size or 0) > params.expected_size:
        raise StageError(
            f"preprocess.crop_size is {params.crop_size}, expected at most "
            f"preprocess.expected_size, {params.expected_size}, or null"
        )
    cells = read_cells(cells_csv)
    planned = plan_shards(cells, params.cells_per_shard)
    with atomic_path(shards) as folder:
        appearances = write_shards(planned, params, archive=archive, folder=folder)
        write_csv(appearances, appearance_csv)
    counts = cells["split"].value_counts()
    parts = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS if split in counts)
    size = sum(path.stat().st_size for path in shards.rglob("*.tfrecord"))
    return f"{parts} cells of {params.image_size} px, {size / 1e6:,.1f} MB → {shards}"


if __name__ == "__main__":
    protect_standard_streams()
    import_record_writer()
    run_stage(preprocess)
