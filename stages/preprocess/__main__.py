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
from stages.dataset.archive_cells import training_cells
from stages.dataset.cell_table import TRAINING
from stages.dataset.external_sets import external_sets
from stages.preprocess.cell_sets import external_cell_set
from stages.preprocess.image_fit import require_sound
from stages.preprocess.params import PreprocessParams
from stages.preprocess.record_writer import import_record_writer
from stages.preprocess.write_shards import CellSet, write_shards


def preprocess(
    params: PreprocessParams,
    *,
    archive: Path,
    external: Path,
    training_shards: Path,
    external_shards: Path,
    appearance_csv: Path,
) -> str:
    """Write all cells of the archive, and of each external set, as shards.

    See dataset/shards.py for the format. Which cells are for training, validation and test is not
    asked here, so another split writes no pixels. `appearance_csv` gets how each cell looks; see
    appearance.py. The stage evaluate measures how well the area alone classifies, and compares the
    parts.

    Raises:
        StageError: if parameters contradict each other; or if an image is missing, corrupt, or has
            the wrong size or form.
    """
    require_sound(params)
    with open_archive(archive) as opened:
        training = CellSet(TRAINING, archive, training_cells(opened), params)
    others = [external_cell_set(found, params) for found in external_sets(archive, external)]
    with atomic_path(training_shards) as first, atomic_path(external_shards) as second:
        second.mkdir()  # also if there is no set
        folders = [(training, first), *((other, second / other.name) for other in others)]
        write_csv(write_shards(folders), appearance_csv)
        files = [file for folder in (first, second) for file in folder.rglob("*")]
        size = sum(file.stat().st_size for file in files if file.is_file())
    outside = "".join(f" and {len(other.cells):,} {other.name}" for other in others)
    return (
        f"{len(training.cells):,} training{outside} cells of {params.image_size} px, "
        f"{size / 1e6:,.1f} MB → {training_shards}, {external_shards}"
    )


if __name__ == "__main__":
    protect_standard_streams()
    import_record_writer()
    run_stage(preprocess)
