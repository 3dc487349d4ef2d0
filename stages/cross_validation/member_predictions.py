"""DVC stage predict: what a member says of its validation, test and external cells."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

if __name__ == "__main__":
    explain_missing_packages()
    set_numpy_environment()  # before NumPy is imported

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd

from stages.common.files import atomic_path, file_sha256, write_json
from stages.common.finished_training import discard_recorded
from stages.common.stage_entry import run_stage
from stages.common.stage_report import read_report
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.appearance_table import add_appearance, read_appearance
from stages.dataset.cell_table import external_parts, read_cells
from stages.dataset.predictions_table import write_predictions


def predict(
    *,
    fold: int,
    seed: int,
    tta: Annotated[Literal["none", "d4"], "evaluate.tta"],
    shards: Path,
    external_shards: Path,
    cells_csv: Path,
    external_csv: Path,
    appearance_csv: Path,
    model_keras: Path,
    train_report: Path,
    predictions: Path,
) -> str:
    """Write predictions.csv of a member, and member.json: what it is, and was trained on.

    Raises:
        StageError: on bad input; see network/predict.py.
    """
    discard_recorded(model_keras)
    trained = read_report(
        train_report,
        made_by=f"cross_validation/dvc.yaml:member@{fold}-{seed}",
        needs={"device": str, "threads": int, "settings_sha256": str},
    )
    tables = [read_cells(cells_csv), read_cells(external_csv, external=True)]
    cells = pd.concat(tables, ignore_index=True).fillna("")
    sets = {name: external_shards / name for name in external_parts(cells)}
    import_tensorflow(deterministic=True)
    from stages.network.predict import load_as_trained, predict_all

    model = load_as_trained(model_keras, shards, trained=trained)
    predicted = predict_all(model, {"val": shards, "test": shards, **sets}, listed=cells, tta=tta)
    predicted = add_appearance(predicted, read_appearance(appearance_csv), appearance_csv)
    with atomic_path(predictions) as made:
        made.mkdir()
        write_predictions(predicted, made / "predictions.csv")
        member = {
            "fold": fold,
            "seed": seed,
            "cells_sha256": file_sha256(cells_csv),
            "model_sha256": file_sha256(model_keras),
            "train": trained,
        }
        write_json(member, made / "member.json")
    return f"{len(predicted):,} cells by the model of fold {fold}, seed {seed} → {predictions}"


if __name__ == "__main__":
    run_stage(predict)
