"""DVC stage evaluate: measure the model on the test cells, and on each external set."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.files import write_csv, write_json, write_text
from stages.common.finished_training import discard_recorded
from stages.common.stage_entry import run_stage
from stages.common.stage_report import read_report
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.appearance_table import add_appearance, read_appearance
from stages.dataset.carried_columns import add_subgroups, require_subgroups
from stages.dataset.cell_table import external_parts, read_cells
from stages.dataset.data_names import data_name
from stages.dataset.predictions_table import write_predictions
from stages.evaluate.model_metadata import write_metadata
from stages.evaluate.params import EvaluateParams
from stages.evaluate.part_appearance import appearance_by_part
from stages.evaluate.report.contact_sheet import write_contact_sheets
from stages.evaluate.report.gallery import Gallery, galleries
from stages.evaluate.report.page import StageReports, render_report
from stages.evaluate.split_warnings import external_warnings, split_warnings, subject_warnings
from stages.evaluate.stage_reports import (
    read_history,
    require_both_classes,
    require_cells_as_trained,
)
from stages.report.provenance import provenance
from stages.report.tables import intervals_to_quote
from stages.statistics.calibration import reliability_points
from stages.statistics.curves import Curves, precision_recall_points
from stages.statistics.intervals import RESAMPLES_SEED
from stages.statistics.metrics import arrays, confusion_rows, roc_points
from stages.statistics.results import measure_all
from stages.statistics.tuning import calibrated_p_all, tune


def evaluate(
    params: EvaluateParams,
    *,
    profile: str,
    shards: Path,
    external_shards: Path,
    cells_csv: Path,
    external_csv: Path,
    appearance_csv: Path,
    model_keras: Path,
    download_report: Path,
    split_report: Path,
    train_report: Path,
    history_csv: Path,
    test_report: Path,
    predictions_csv: Path,
    roc_csv: Path,
    precision_recall_csv: Path,
    reliability_csv: Path,
    confusion_csv: Path,
    gallery: Path,
    model_metadata: Path,
    report_html: Path,
) -> str:
    """Measure the model on the test cells and each external set, and write the report.

    The thresholds and the temperature are tuned on the validation cells alone.

    Raises:
        StageError: on bad input; see stage_reports.py and predict.py.
    """
    discard_recorded(model_keras)
    earlier = _read_earlier_stages(download_report, split_report, train_report, history_csv)
    tables = [read_cells(cells_csv), read_cells(external_csv, external=True)]
    cells = pd.concat(tables, ignore_index=True).fillna("")
    sets = {name: external_shards / name for name in external_parts(cells)}
    require_both_classes(cells, cells_csv)
    require_subgroups(cells, params.subgroups, cells_csv)
    _require_cells_as_trained(shards, earlier.train["cells"], train_report)
    appearances = read_appearance(appearance_csv)
    model, predictions = _predict(
        model_keras,
        params,
        shards={"val": shards, "test": shards, **sets},
        cells=cells,
        appearances=(appearances, appearance_csv),
        trained=earlier.train,
    )
    predictions = add_subgroups(predictions, cells, params.subgroups)
    test = predictions[predictions["split"] == "test"]
    pictured = _picture(model, shards, cells, predictions=test, threshold=params.threshold)
    results = {
        "data": data_name(earlier.download),
        # A list: git keeps it, and DVC leaves it out of its tables of metrics.
        "warnings": [
            *split_warnings(earlier.split),
            *external_warnings(earlier.split, sets),
            *subject_warnings(predictions, ["test", *sets]),
        ],
        **measure_all(
            predictions,
            training=_training(cells, appearances, appearance_csv),
            threshold=params.threshold,
            target_sensitivity=params.target_sensitivity,
            replicates=params.bootstrap_replicates,
            seed=RESAMPLES_SEED,
            subgroups=params.subgroups,
        ),
    }
    curves = _curves(predictions, params)
    inputs = [shards, external_shards, cells_csv, external_csv, appearance_csv, model_keras]
    inputs += [download_report, split_report, train_report, history_csv]
    page = render_report(
        results,
        predictions=test,
        curves=curves,
        galleries=pictured,
        earlier=earlier,
        appearance=appearance_by_part(cells, appearances),
        provenance=provenance(results, profile=profile, train=earlier.train, inputs=inputs),
    )
    write_predictions(predictions, predictions_csv)
    for table, path in (
        (curves.roc, roc_csv),
        (curves.precision_recall, precision_recall_csv),
        (_reliability(curves), reliability_csv),
        (confusion_rows(test, threshold=params.threshold), confusion_csv),
    ):
        write_csv(table, path)
    write_contact_sheets(pictured, gallery)
    write_metadata(results, model_metadata, train=earlier.train)
    write_json(results, test_report)
    write_text(page, report_html)
    return f"{_summary(results)} → {test_report}, {report_html}"


def _read_earlier_stages(download: Path, split: Path, train: Path, history: Path) -> StageReports:
    return StageReports(
        read_report(download, made_by="download", needs={"synthetic": bool, "verified": bool}),
        read_report(split, made_by="split", needs={"leakage": dict, "deviation_points": dict}),
        read_report(train, made_by="train", needs={"cells": dict, "device": str, "threads": int}),
        read_history(history),
    )


def _require_cells_as_trained(shards: Path, trained: Mapping[str, Any], report: Path) -> None:
    import_tensorflow(deterministic=True)
    from stages.dataset.shard_reader import image_format

    require_cells_as_trained(image_format(shards), trained, report)


def _predict(
    model_keras: Path,
    params: EvaluateParams,
    *,
    shards: Mapping[str, Path],
    cells: pd.DataFrame,
    appearances: tuple[pd.DataFrame, Path],
    trained: Mapping[str, Any],
) -> tuple[Any, pd.DataFrame]:
    """Return the model, and the rows of predictions.csv."""
    from stages.network.predict import load_as_trained, predict_all

    model = load_as_trained(model_keras, shards["test"], trained=trained)
    predictions = predict_all(model, shards, listed=cells, tta=params.tta)
    return model, add_appearance(predictions, *appearances)


def _picture(
    model: Any, shards: Path, cells: pd.DataFrame, *, predictions: pd.DataFrame, threshold: float
) -> list[Gallery]:
    """Return the galleries of the test cells, with Grad-CAM."""
    from stages.dataset.shard_reader import read_part
    from stages.evaluate.gradcam import heat_maps

    tested = read_part(shards, cells, "test")
    return galleries(
        predictions,
        images=tested.images,
        image_ids=tested.image_ids,
        explain=functools.partial(heat_maps, model),
        threshold=threshold,
    )


def _training(cells: pd.DataFrame, appearances: pd.DataFrame, path: Path) -> pd.DataFrame:
    return add_appearance(cells[cells["split"] == "train"], appearances, path)


def _curves(predictions: pd.DataFrame, params: EvaluateParams) -> Curves:
    test = predictions[predictions["split"] == "test"]
    tuning = tune(
        predictions[predictions["split"] == "val"],
        threshold=params.threshold,
        target_sensitivity=params.target_sensitivity,
    )
    actual, p_all = arrays(test)
    calibrated = calibrated_p_all(test, tuning)
    return Curves(
        roc_points(test),
        precision_recall_points(test),
        reliability_points(actual, p_all),
        None if calibrated is None else reliability_points(actual, calibrated),
    )


def _reliability(curves: Curves) -> pd.DataFrame:
    """Return the bins before and after temperature scaling, labelled in column `p_all_is`."""
    tables = [curves.reliability.assign(p_all_is="as given")]
    if curves.reliability_calibrated is not None:
        tables.append(curves.reliability_calibrated.assign(p_all_is="calibrated"))
    return pd.concat(tables, ignore_index=True)


def _summary(results: dict[str, Any]) -> str:
    test = results["test"]
    data = "SYNTHETIC data" if results["data"] == "synthetic" else results["data"]
    low, high = intervals_to_quote(test).get("accuracy") or (None, None)
    unit = "subjects" if test["subjects"] else "cells, too narrow: subjects are not known"
    interval = "" if low is None else f" (95 % {low:.3f} to {high:.3f} over {unit})"
    return (
        f"{test['cells']:,} test cells: accuracy {test['accuracy']:.3f}{interval}, "
        f"sensitivity {test['sensitivity']:.3f}, specificity {test['specificity']:.3f}, "
        f"ROC AUC {test['roc_auc']:.3f} ({data})"
    )


if __name__ == "__main__":
    run_stage(evaluate)
