"""DVC stage preprocess: crop and resize the images, and write them as TFRecord shards."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from pathlib import Path

from stages.common.files import atomic_path, write_csv
from stages.common.stage_entry import run_stage
from stages.common.standard_streams import protect_standard_streams
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.preprocess.image_fit import require_sound
from stages.preprocess.params import PreprocessParams
from stages.preprocess.record_writer import import_record_writer
from stages.preprocess.write_shards import write_shards


def preprocess(
    params: PreprocessParams,
    *,
    archive: Path,
    training_shards: Path,
    external_shards: Path,
    appearance_csv: Path,
) -> str:
    """Write all cells of the archive as shards; see dataset/shards.py for the format.

    Which cells are for training, validation and test is not asked here, so another split writes no
    pixels. `appearance_csv` gets how each cell looks; see appearance.py. The stage evaluate
    measures how well the area alone classifies, and compares the parts.

    Raises:
        StageError: if parameters contradict each other; or if an image is missing, corrupt, or has
            the wrong size or form.
    """
    require_sound(params)
    with open_archive(archive) as opened:
        training, external = training_cells(opened), external_cells(opened)
    with atomic_path(training_shards) as first, atomic_path(external_shards) as second:
        appearances = write_shards({first: training, second: external}, params, archive=archive)
        size = sum(file.stat().st_size for folder in (first, second) for file in folder.iterdir())
        write_csv(appearances, appearance_csv)
    return (
        f"{len(training):,} training and {len(external):,} external cells of {params.image_size} "
        f"px, {size / 1e6:,.1f} MB → {training_shards}, {external_shards}"
    )


if __name__ == "__main__":
    protect_standard_streams()
    import_record_writer()
    run_stage(preprocess)
