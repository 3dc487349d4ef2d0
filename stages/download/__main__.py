"""DVC stage download: fetch and verify the archive, the external sets and the initial weights."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from pathlib import Path
from typing import Annotated, Any

from stages.common.files import atomic_path, write_json
from stages.common.stage_entry import run_stage
from stages.download.bring_set import Taken, bring_set
from stages.download.external import bring_external_sets, require_sound_list
from stages.download.params import DownloadParams
from stages.download.taken_text import taken_counts, taken_text
from stages.download.weights import make_keras_home, weights_kind


def download(
    params: DownloadParams,
    *,
    base: Annotated[str, "model.base"],
    archive: Path,
    external: Path,
    keras_home: Path,
    report: Path,
) -> str:
    """Fetch and verify the archive, the external sets and the initial weights; write a report."""
    require_sound_list(params.external)
    with (
        atomic_path(archive) as new_archive,
        atomic_path(external) as new_external,
        atomic_path(keras_home) as new_home,
    ):

        def complete(content: dict[str, Any], taken: Taken) -> tuple[dict[str, Any], str]:
            weights = weights_kind(params.weights)
            make_keras_home(new_home, base=base, weights=params.weights)
            sets, told = bring_external_sets(params, new_external)
            content |= {"weights": weights, **taken_counts(taken)}
            summary = f"{taken_text(content, taken)}, weights {weights}"
            return content | ({"external": sets} if sets else {}), "; ".join([summary, *told])

        content, summary = bring_set(params, new_archive, complete=complete)
        write_json(content, report)
    return f"{summary} → {archive}"


if __name__ == "__main__":
    run_stage(download)
