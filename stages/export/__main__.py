"""Export the model: one ONNX file from the original image to the answer, and its page."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import onnx
import pandas as pd

from stages.common.files import atomic_path, file_sha256
from stages.common.stage_entry import run_stage
from stages.common.stage_report import read_report
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.cell_table import PRELIMINARY, external_parts, read_cells
from stages.export.answer_graph import CALIBRATED, P_ALL, answer_graph
from stages.export.fit_graph import FitChoices, fit_graph
from stages.export.model_file import described, joined
from stages.export.notes_graph import notes_graph
from stages.export.page.page_model import AnsweredCell
from stages.export.page.write_page import write_page
from stages.export.parity import answers, largest_difference
from stages.export.self_description import self_description

_OUTPUTS = (P_ALL, CALIBRATED, "distance", "notes")
_NEEDED: dict[str, type] = {"threshold": float, "test": dict}


def export(
    fit: Annotated[str, "preprocess.fit"],
    crop_size: Annotated[int, "preprocess.crop_size"],
    image_size: Annotated[int, "preprocess.image_size"],
    background: Annotated[list[int], "preprocess.background"],
    scale: Annotated[float, "preprocess.microns_per_pixel"],
    *,
    archive: Path,
    shards: Path,
    cells_csv: Path,
    external_csv: Path,
    appearance_csv: Path,
    model_keras: Path,
    train_report: Path,
    test_report: Path,
    predictions_csv: Path,
    model_onnx: Path,
    page_html: Path,
) -> str:
    """Write the model as one ONNX file, check it on cells from their original images, and its page.

    The cells are those of validation and test, and C-NMC's preliminary ones where there are such.

    Raises:
        StageError: on bad input, or if the file answers otherwise than the stage evaluate.
    """
    results = read_report(test_report, made_by="evaluate", needs=_NEEDED)
    choices = FitChoices(fit, crop_size, image_size, background, scale)
    external = read_cells(external_csv, external=True)
    description = self_description(
        results,
        choices=choices,
        sets=[name for name in external_parts(external) if name in results],
        model_sha256=file_sha256(model_keras),
    )
    listed = read_cells(cells_csv)
    trained = read_report(train_report, made_by="train", needs={"device": str, "threads": int})
    notes = _notes(model_keras, shards, listed, appearance_csv, trained=trained)
    graphs = [*_graphs(model_keras, choices, temperature=results["temperature"]), notes]
    content = described(joined(graphs, outputs=_OUTPUTS), description)
    cells = _predicted(pd.concat([listed, external]), predictions_csv)
    thresholds = [each["value"] for each in description["thresholds"]]
    found = answers(content, cells, archive, background=background, scaled=scale is not None)
    difference = largest_difference(found, thresholds)
    tested = [AnsweredCell(each.inputs, each.p_all) for each in found if each.part == "test"]
    page = write_page(content, page_html, cells=tested, thresholds=thresholds)
    with atomic_path(model_onnx) as temporary:
        temporary.write_bytes(content)
    return (
        f"{len(found):,} cells answered as by the stage evaluate, p(ALL) within {difference:.1e}; "
        f"{len(content) / 1e6:,.1f} MB → {model_onnx}; {page}"
    )


def _graphs(
    model_keras: Path, choices: FitChoices, *, temperature: float | None
) -> list[onnx.ModelProto]:
    from stages.export.network_graph import network_graph
    from stages.network.model_reader import load_classifier

    network = load_classifier(model_keras, image_size=choices.image_size)
    return [fit_graph(choices), network_graph(network), answer_graph(temperature)]


def _notes(
    model_keras: Path,
    shards: Path,
    cells: pd.DataFrame,
    appearance_csv: Path,
    *,
    trained: Mapping[str, Any],
) -> onnx.ModelProto:
    import_tensorflow(deterministic=True)
    from stages.dataset.shard_reader import image_format
    from stages.export.known_cells import known_cells

    known = known_cells(model_keras, shards, cells, appearance_csv, trained=trained)
    return notes_graph(known, image_format(shards)["image_size"])


def _predicted(cells: pd.DataFrame, predictions_csv: Path) -> pd.DataFrame:
    """Return the predicted cells of the sets whose images are fitted as those of training are."""
    known = pd.read_csv(predictions_csv, dtype={"image": str}, keep_default_na=False)
    fitted_alike = cells[cells["split"].isin(("val", "test", PRELIMINARY))]
    return fitted_alike.merge(known[["split", "image", "p_all"]], on=["split", "image"])


if __name__ == "__main__":
    run_stage(export)
