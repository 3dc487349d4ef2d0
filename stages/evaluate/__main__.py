"""DVC stage evaluate: measure the model on the test cells, and the external ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from stages.cells import read_cells
from stages.evaluate.inputs import read_history, read_report, require_both_classes
from stages.evaluate.leakage import split_warnings
from stages.evaluate.metrics import P_ALL_DECIMALS, confusion_rows, measure, roc_points
from stages.evaluate.report import render_report
from stages.files import write_csv, write_json, write_text
from stages.params import EvaluateParams
from stages.quiet import import_tensorflow
from stages.stage import run_stage


def evaluate(
    params: EvaluateParams,
    *,
    profile: str,
    shards: Path,
    cells_csv: Path,
    model_keras: Path,
    download_report: Path,
    split_report: Path,
    train_report: Path,
    history_csv: Path,
    test_report: Path,
    predictions_csv: Path,
    roc_csv: Path,
    confusion_csv: Path,
    report_html: Path,
) -> str:
    """Measure the model on the test cells (and the external ones), and write the report."""
    download = read_report(download_report, made_by="download", needs=("synthetic", "verified"))
    split = read_report(split_report, made_by="split", needs=("leakage",))
    train = read_report(train_report, made_by="train")
    history = read_history(history_csv)
    predictions = _predict(model_keras, shards=shards, cells_csv=cells_csv)
    test = predictions[predictions["split"] == "test"]
    roc = roc_points(test)
    results = {
        "data": _data_name(download),
        "threshold": params.threshold,
        # In a list, which DVC keeps in git and leaves out of its tables of metrics.
        "warnings": split_warnings(split),
        **_measures(predictions, threshold=params.threshold),
    }
    page = render_report(
        results, profile=profile, roc=roc, history=history, split=split, train=train
    )
    write_csv(_with_fixed_decimals(predictions), predictions_csv)
    write_csv(roc, roc_csv)
    write_csv(confusion_rows(test, threshold=params.threshold), confusion_csv)
    write_json(results, test_report)
    write_text(page, report_html)
    return f"{_summary(results)} → {test_report}, {report_html}"


def _data_name(download: dict[str, Any]) -> str:
    """Call the data what they are known to be, by the report of the download stage."""
    if download["synthetic"]:
        return "synthetic"
    if download["verified"]:
        return "C-NMC 2019, inventory verified"
    return "unverified archive in the layout of C-NMC 2019"


def _predict(model_keras: Path, *, shards: Path, cells_csv: Path) -> pd.DataFrame:
    """Predict the test cells, and the external ones where the shards have them, in one table."""
    import_tensorflow()
    from stages.evaluate.predict import load_classifier, predict_split
    from stages.shards import read_index

    cells = read_cells(cells_csv)
    require_both_classes(cells, cells_csv)
    index = read_index(shards)
    model = load_classifier(model_keras, image_size=index["image_size"])
    parts = ["test", *(["external"] if sum(index["cells"].get("external", [])) else [])]
    return pd.concat(
        [predict_split(model, shards, part, listed=cells) for part in parts], ignore_index=True
    )


def _measures(predictions: pd.DataFrame, *, threshold: float) -> dict[str, Any]:
    return {
        str(part): measure(rows, threshold=threshold)
        for part, rows in predictions.groupby("split", sort=False)
    }


def _with_fixed_decimals(predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions.assign(p_all=predictions["p_all"].map(f"{{:.{P_ALL_DECIMALS}f}}".format))


def _summary(results: dict[str, Any]) -> str:
    test = results["test"]
    data = "SYNTHETIC data" if results["data"] == "synthetic" else results["data"]
    return (
        f"{test['cells']:,} test cells: accuracy {test['accuracy']:.3f}, "
        f"sensitivity {test['sensitivity']:.3f}, specificity {test['specificity']:.3f}, "
        f"ROC AUC {test['roc_auc']:.3f} ({data})"
    )


if __name__ == "__main__":
    run_stage(evaluate)
