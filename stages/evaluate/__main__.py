"""DVC stage evaluate: measure the model on the test cells, and the external ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.cells import read_cells
from stages.evaluate.calibration import reliability_points
from stages.evaluate.choices import calibrated_p_all, choose
from stages.evaluate.curves import Curves, precision_recall_points
from stages.evaluate.gallery import Gallery
from stages.evaluate.inputs import (
    read_appearance,
    read_history,
    read_report,
    require_both_classes,
    require_cells_as_trained,
    with_appearance,
)
from stages.evaluate.leakage import split_warnings
from stages.evaluate.metrics import (
    P_ALL_DECIMALS,
    arrays,
    confusion_rows,
    roc_points,
)
from stages.evaluate.outputs import write_metadata, write_pictures
from stages.evaluate.provenance import provenance
from stages.evaluate.report import Earlier, render_report
from stages.evaluate.results import measure_all
from stages.files import write_csv, write_json, write_text
from stages.params import EvaluateParams
from stages.quiet import import_tensorflow
from stages.stage import run_stage


def evaluate(
    params: EvaluateParams,
    *,
    profile: str,
    seed: int,
    shards: Path,
    cells_csv: Path,
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
    """Measure the model on the test cells (and the external ones), and write the report.

    Whatever is chosen or fitted comes from the validation cells, before test is looked at.

    Raises:
        StageError: on bad input; see inputs.py and predict.py.
    """
    earlier = _read_earlier(download_report, split_report, train_report, history_csv)
    cells = read_cells(cells_csv)
    require_both_classes(cells, cells_csv)
    _require_cells_as_trained(shards, earlier.train["cells"], train_report)
    appearances = read_appearance(appearance_csv)
    predictions, galleries = _ask(
        params, model_keras, shards=shards, cells=cells, appearances=(appearances, appearance_csv)
    )
    results = {
        "data": _data_name(earlier.download),
        # In a list, which DVC keeps in git and leaves out of its tables of metrics.
        "warnings": split_warnings(earlier.split),
        **measure_all(
            predictions,
            training=_training(cells, appearances, appearance_csv),
            threshold=params.threshold,
            target_sensitivity=params.target_sensitivity,
            replicates=params.bootstrap_replicates,
            seed=seed,
        ),
    }
    test = predictions[predictions["split"] == "test"]
    curves = _curves(predictions, params)
    inputs = [shards, cells_csv, appearance_csv, model_keras]
    inputs += [download_report, split_report, train_report, history_csv]
    page = render_report(
        results,
        predictions=test,
        curves=curves,
        galleries=galleries,
        earlier=earlier,
        provenance=provenance(results, profile=profile, train=earlier.train, inputs=inputs),
    )
    for table, path in (
        (_with_fixed_decimals(predictions), predictions_csv),
        (curves.roc, roc_csv),
        (curves.precision_recall, precision_recall_csv),
        (_reliability(curves), reliability_csv),
        (confusion_rows(test, threshold=params.threshold), confusion_csv),
    ):
        write_csv(table, path)
    write_pictures(galleries, gallery)
    write_metadata(results, model_metadata)
    write_json(results, test_report)
    write_text(page, report_html)
    return f"{_summary(results)} → {test_report}, {report_html}"


def _read_earlier(download: Path, split: Path, train: Path, history: Path) -> Earlier:
    return Earlier(
        read_report(download, made_by="download", needs={"synthetic": bool, "verified": bool}),
        read_report(split, made_by="split", needs={"leakage": dict, "deviation_points": dict}),
        read_report(train, made_by="train", needs={"cells": dict}),
        read_history(history),
    )


def _require_cells_as_trained(shards: Path, trained: Mapping[str, Any], report: Path) -> None:
    import_tensorflow()
    from stages.shards import as_seen

    require_cells_as_trained(as_seen(shards), trained, report)


def _data_name(download: Mapping[str, Any]) -> str:
    """Call the data what they are known to be, by the report of the download stage."""
    if download["synthetic"]:
        return "synthetic"
    if download["verified"]:
        return "C-NMC 2019, inventory verified"
    return "unverified archive in the layout of C-NMC 2019"


def _ask(
    params: EvaluateParams,
    model_keras: Path,
    *,
    shards: Path,
    cells: pd.DataFrame,
    appearances: tuple[pd.DataFrame, Path],
) -> tuple[pd.DataFrame, list[Gallery]]:
    """Return the rows of predictions.csv and the galleries of the test cells."""
    import_tensorflow()
    from stages.evaluate.ask import picture_test_cells, predict_all
    from stages.evaluate.predict import load_classifier
    from stages.shards import read_index

    model = load_classifier(model_keras, image_size=read_index(shards)["image_size"])
    predictions = predict_all(model, shards, listed=cells, tta=params.tta)
    predictions = with_appearance(predictions, *appearances)
    test = predictions[predictions["split"] == "test"]
    return predictions, picture_test_cells(
        model, shards, predictions=test, threshold=params.threshold
    )


def _training(cells: pd.DataFrame, appearances: pd.DataFrame, path: Path) -> pd.DataFrame:
    return with_appearance(cells[cells["split"] == "train"], appearances, path)


def _curves(predictions: pd.DataFrame, params: EvaluateParams) -> Curves:
    test = predictions[predictions["split"] == "test"]
    choices = choose(
        predictions[predictions["split"] == "val"],
        threshold=params.threshold,
        target_sensitivity=params.target_sensitivity,
    )
    actual, p_all = arrays(test)
    calibrated = calibrated_p_all(test, choices)
    return Curves(
        roc_points(test),
        precision_recall_points(test),
        reliability_points(actual, p_all),
        None if calibrated is None else reliability_points(actual, calibrated),
    )


def _reliability(curves: Curves) -> pd.DataFrame:
    """Return the bins as one table: before and after the temperature, by the column `p_all_is`."""
    tables = [curves.reliability.assign(p_all_is="as given")]
    if curves.reliability_calibrated is not None:
        tables.append(curves.reliability_calibrated.assign(p_all_is="calibrated"))
    return pd.concat(tables, ignore_index=True)


def _with_fixed_decimals(predictions: pd.DataFrame) -> pd.DataFrame:
    p_all = [name for name in ("p_all", "p_all_tta") if name in predictions]
    fixed = {name: predictions[name].map(f"{{:.{P_ALL_DECIMALS}f}}".format) for name in p_all}
    return predictions.assign(**fixed)


def _summary(results: dict[str, Any]) -> str:
    test = results["test"]
    data = "SYNTHETIC data" if results["data"] == "synthetic" else results["data"]
    low, high = test["intervals"].get("accuracy") or (None, None)
    interval = "" if low is None else f" (95 % {low:.3f} to {high:.3f} over subjects)"
    return (
        f"{test['cells']:,} test cells: accuracy {test['accuracy']:.3f}{interval}, "
        f"sensitivity {test['sensitivity']:.3f}, specificity {test['specificity']:.3f}, "
        f"ROC AUC {test['roc_auc']:.3f} ({data})"
    )


if __name__ == "__main__":
    run_stage(evaluate)
